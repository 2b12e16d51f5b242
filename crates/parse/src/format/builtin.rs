//! The format files that are built into the crate.
//!
//! A list of `include_str!`, since a program must run without its source tree. `tests/rows.rs` holds the list equal to
//! the folder.

use std::sync::Arc;

use super::{Format, Formats};

const FILES: [&str; 57] = [
    include_str!("../../grammars/apertus.toml"),
    include_str!("../../grammars/claude.toml"),
    include_str!("../../grammars/code_block.toml"),
    include_str!("../../grammars/cohere.toml"),
    include_str!("../../grammars/command_r.toml"),
    include_str!("../../grammars/deepseek_v3.toml"),
    include_str!("../../grammars/deepseek_v31.toml"),
    include_str!("../../grammars/dsml.toml"),
    include_str!("../../grammars/dsml_v4.toml"),
    include_str!("../../grammars/function_json.toml"),
    include_str!("../../grammars/functionary.toml"),
    include_str!("../../grammars/functiongemma.toml"),
    include_str!("../../grammars/functools.toml"),
    include_str!("../../grammars/gemma4.toml"),
    include_str!("../../grammars/gigachat3.toml"),
    include_str!("../../grammars/gigachat31.toml"),
    include_str!("../../grammars/glm4.toml"),
    include_str!("../../grammars/glm45.toml"),
    include_str!("../../grammars/glm47.toml"),
    include_str!("../../grammars/granite3.toml"),
    include_str!("../../grammars/granite_20b.toml"),
    include_str!("../../grammars/harmony.toml"),
    include_str!("../../grammars/hermes.toml"),
    include_str!("../../grammars/hunyuan3.toml"),
    include_str!("../../grammars/inkling.toml"),
    include_str!("../../grammars/internlm.toml"),
    include_str!("../../grammars/json.toml"),
    include_str!("../../grammars/json_list.toml"),
    include_str!("../../grammars/kimi_k2.toml"),
    include_str!("../../grammars/kimi_k3.toml"),
    include_str!("../../grammars/lfm2.toml"),
    include_str!("../../grammars/llama3.toml"),
    include_str!("../../grammars/longcat.toml"),
    include_str!("../../grammars/minicpm3.toml"),
    include_str!("../../grammars/minicpm5.toml"),
    include_str!("../../grammars/minimax_m1.toml"),
    include_str!("../../grammars/minimax_m2.toml"),
    include_str!("../../grammars/minimax_m3.toml"),
    include_str!("../../grammars/mistral.toml"),
    include_str!("../../grammars/mistral_v11.toml"),
    include_str!("../../grammars/mistral_v13.toml"),
    include_str!("../../grammars/muse.toml"),
    include_str!("../../grammars/nemotron.toml"),
    include_str!("../../grammars/olmo3.toml"),
    include_str!("../../grammars/phi4_mini.toml"),
    include_str!("../../grammars/pythonic.toml"),
    include_str!("../../grammars/qwen3_coder.toml"),
    include_str!("../../grammars/raven.toml"),
    include_str!("../../grammars/react.toml"),
    include_str!("../../grammars/sarashina.toml"),
    include_str!("../../grammars/seed_oss.toml"),
    include_str!("../../grammars/solar.toml"),
    include_str!("../../grammars/step3.toml"),
    include_str!("../../grammars/tool_calls.toml"),
    include_str!("../../grammars/tool_code.toml"),
    include_str!("../../grammars/tool_use.toml"),
    include_str!("../../grammars/xlam.toml"),
];

/// A built-in file that is wrong is left out; `tests/rows.rs` sees to it that none is.
pub(super) fn formats() -> Formats {
    let read = FILES.iter().filter_map(|text| Format::parse(text).ok());
    Formats { by_name: read.map(|format| (format.name().to_owned(), Arc::new(format))).collect() }
}
