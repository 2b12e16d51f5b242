//! Headers that no engine can compute with are refused, and those of models that run are not.
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test that cannot go on stops")]

use std::io::Cursor;
use std::path::Path;

use callwright_gguf::{ErrorKind, Header};
use callwright_test_support::gguf::Value;
use callwright_test_support::spoilt::{ARCHITECTURES, Model};

fn header(model: &Model) -> Header {
    let bytes = model.file();
    Header::from_reader(Cursor::new(&bytes), bytes.len() as u64).expect("a header")
}

/// What is said of a model with this setting instead of its own.
fn told(key: &str, value: Value) -> Option<String> {
    let mut model = Model::of("llama");
    let key = format!("llama.{key}");
    model.keys.retain(|(known, _)| *known != key);
    model.keys.push((key, value));
    let error = header(&model).require_sound(Path::new("m.gguf")).err()?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    Some(error.to_string())
}

#[test]
fn models_that_run_are_sound() {
    for architecture in ARCHITECTURES {
        header(&Model::of(architecture)).require_sound(Path::new("m.gguf")).expect(architecture);
    }
    for file in ["random_llama.gguf", "tiny.gguf"] {
        let path = callwright_test_support::root().join("fixtures/models").join(file);
        Header::read(&path).expect(file).require_sound(&path).expect(file);
    }
    // Vocabularies of published models, which hold no two tokens that are alike.
    let Some(shared) = callwright_test_support::shared() else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(shared.join("vocab")).expect("vocabularies").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "gguf") {
            Header::read(&path).expect("a header").require_sound(&path).unwrap_or_else(|error| panic!("{error}"));
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn settings_that_nothing_is_computed_with_are_refused() {
    let settings = [
        ("block_count", Value::U32(0), "`llama.block_count` is 0"),
        ("block_count", Value::U32(513), "`llama.block_count` is 513"),
        ("block_count", Value::I32(-1), "`llama.block_count` is -1"),
        ("block_count", Value::Text("two".into()), "`llama.block_count` is not a number"),
        ("block_count", Value::U32(1), "`blk.1.attn_q.weight` is of a layer that there is not"),
        ("context_length", Value::U32(0), "`llama.context_length` is 0"),
        ("context_length", Value::U32(1 << 31), "`llama.context_length` is 2147483648"),
        ("context_length", Value::U64(u64::MAX), "`llama.context_length`"),
        ("embedding_length", Value::U32(0), "`llama.embedding_length` is 0"),
        ("embedding_length", Value::U32(64), "is 32 numbers wide and not 64"),
        ("attention.head_count_kv", Value::U32(3), "its 2 heads cannot share 3"),
        ("attention.key_length", Value::U32(0), "`llama.attention.key_length` is 0"),
        ("expert_count", Value::U32(100_000), "`llama.expert_count` is 100000"),
        ("attention.layer_norm_rms_epsilon", Value::F32(f32::NAN), "epsilon` is NaN"),
        ("attention.layer_norm_rms_epsilon", Value::F32(-0.5), "epsilon` is -0.5"),
        ("attention.layer_norm_rms_epsilon", Value::F32(0.0), "epsilon` is 0"),
        ("attention.layer_norm_epsilon", Value::F32(f32::INFINITY), "epsilon` is inf"),
        ("rope.freq_base", Value::F32(f32::NAN), "`llama.rope.freq_base` is NaN"),
        ("rope.freq_base", Value::F32(0.0), "`llama.rope.freq_base` is 0"),
        ("rope.scaling.factor", Value::F32(f32::NEG_INFINITY), "`llama.rope.scaling.factor` is -inf"),
    ];
    for (key, value, words) in settings {
        let shown = format!("{key} = {value:?}");
        let told = told(key, value).unwrap_or_else(|| panic!("{shown} is taken"));
        assert!(told.contains(words) && told.starts_with("`m.gguf` is not a usable GGUF file: "), "{shown}: {told}");
    }
    assert_eq!(told("rope.scaling.factor", Value::F32(0.0)), None, "none");
    assert_eq!(told("attention.head_count_kv", Value::Integers(vec![1, 0])), None, "by layer");
}

#[test]
fn vocabularies_that_do_not_fit_are_refused() {
    let told = |change: &dyn Fn(&mut Vec<String>, &mut Vec<i32>)| {
        let mut model = Model::of("llama");
        let mut lists =
            model.keys.iter_mut().filter_map(|(key, value)| key.starts_with("tokenizer.ggml.to").then_some(value));
        let (Some(Value::Texts(texts)), Some(Value::Integers(kinds))) = (lists.next(), lists.next()) else {
            panic!("tokens and their kinds")
        };
        change(texts, kinds);
        let error = header(&model).require_sound(Path::new("m.gguf")).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(told(&|_, _| {}), "");
    assert!(told(&|texts, _| texts[7] = texts[9].clone()).contains("two of its tokens are `"));
    assert!(
        told(&|texts, kinds| (texts[7], kinds[7]) = (String::new(), 5)).is_empty(),
        "one without a text gets a name"
    );
    assert!(told(&|_, kinds| kinds.truncate(9)).contains("says of 9 tokens what they are"));
    let fewer = told(&|texts, kinds| {
        texts.truncate(9);
        kinds.truncate(9);
    });
    assert!(fewer.contains("rows for 9 tokens"), "{fewer}");
}

#[test]
fn tensors_that_nothing_computes_with_are_refused() {
    for (name, kind, bytes, fits) in [
        ("blk.1.ffn_up.weight", 28, 8, false),
        ("blk.1.ffn_up.weight", 26, 4, false),
        ("blk.1.ffn_up.weight", 1, 2, true),
        ("blk.1.attn_norm.weight", 1, 2, false),
        ("blk.1.attn_norm.weight", 27, 8, false),
    ] {
        let mut model = Model::of("llama");
        let tensor = model.tensors.iter_mut().find(|tensor| tensor.name == name).expect(name);
        tensor.kind = kind;
        tensor.bytes = vec![0; usize::try_from(tensor.shape.iter().product::<u64>()).expect("few") * bytes];
        let told = header(&model).require_sound(Path::new("m.gguf"));
        assert_eq!(told.is_ok(), fits, "{name} as {kind}: {told:?}");
    }
}
