//! Names of quants, and how files spell them.
//!
//! `model-Q4_K_M.gguf`, `model.q4_k_m.gguf`, `model-q4_k_m-00001-of-00002.gguf` and `UD-Q4_K_XL` all follow one habit:
//! the quant is the last word of the stem. Words are compared without case.

/// How the name of a quant begins; all names known to llama.cpp and to the repositories' makers.
const BEGINNINGS: &[&str] = &["Q", "IQ", "TQ", "MXFP", "NVFP", "BF", "F", "FP"];

/// Whether this is the name of a quant, as `Q4_K_M`, `iq2_xxs`, `bf16`.
pub(super) fn is_quant(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let letters = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let (beginning, rest) = word.split_at(word.len() - letters.len());
    let parts =
        |rest: &str| rest.split('_').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    BEGINNINGS.contains(&beginning) && rest.starts_with(|c: char| c.is_ascii_digit()) && parts(rest)
}

/// Whether both name the same quant.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The quant in a file's name, in capitals.
pub(super) fn of_file(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".gguf").or_else(|| name.strip_suffix(".GGUF"))?;
    let stem = stem.rsplit_once("-00001-of-").map_or(stem, |(stem, _)| stem);
    let word = stem.rsplit(['-', '.']).next()?;
    is_quant(word).then(|| word.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quants_are_read_from_file_names() {
        for (file, quant) in [
            ("SmolLM2-135M-Instruct-Q4_K_M.gguf", Some("Q4_K_M")),
            ("deepseek-coder-6.7b-instruct.Q4_K_M.gguf", Some("Q4_K_M")),
            ("qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf", Some("Q4_K_M")),
            ("BF16/model-BF16-00001-of-00003.gguf", Some("BF16")),
            ("model-IQ2_XXS.gguf", Some("IQ2_XXS")),
            ("model-f16.gguf", Some("F16")),
            ("gemma-3-1b-it.gguf", None),
            ("mmproj-model-f16.bin", None),
            ("Qwen3-8B.gguf", None),
        ] {
            assert_eq!(of_file(file).as_deref(), quant, "{file}");
        }
        assert!(is_quant("q8_0") && is_quant("Q4_0_4_4") && is_quant("mxfp4"));
        assert!(!is_quant("135m") && !is_quant("q") && !is_quant("latest") && !is_quant("q4__k"));
    }
}
