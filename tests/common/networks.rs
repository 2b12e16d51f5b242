//! Random networks as files for engines: the shared description, stored as candle stores weights.

use std::fs::File;
use std::path::{Path, PathBuf};

use callwright::infer::Token;
use callwright_test_support::gguf;
use callwright_test_support::networks::Network;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

/// Writes a network into a folder, with the tokenizer of the random model in the repository.
pub fn write(network: &Network, weights: GgmlDType, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{}.gguf", network.architecture));
    let mut donor = File::open(callwright_test_support::root().join("fixtures/models/random_llama.gguf"))
        .expect("the random model");
    let metadata = metadata(network, Content::read(&mut donor).expect("a header"));
    let tokens = match &metadata.iter().find(|(key, _)| key == "tokenizer.ggml.tokens").expect("tokens").1 {
        Value::Array(tokens) => tokens.len(),
        _ => panic!("tokens are a list"),
    };
    let tensors: Vec<_> = network
        .weights(tokens)
        .into_iter()
        .map(|own| {
            let kind = if own.shape.len() == 2 { weights } else { GgmlDType::F32 };
            let tensor = Tensor::from_vec(own.numbers, own.shape, &Device::Cpu).expect("a tensor");
            (own.name, QTensor::quantize(&tensor, kind).expect("whole blocks"))
        })
        .collect();
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut file = File::create(&path).expect("a file");
    gguf_file::write(&mut file, &metadata, &tensors).expect("it can be written");
    path
}

fn metadata(network: &Network, donor: Content) -> Vec<(String, Value)> {
    let settings = network.settings().into_iter().map(|(key, value)| {
        (
            key,
            match value {
                gguf::Value::U32(number) => Value::U32(number),
                gguf::Value::F32(number) => Value::F32(number),
                gguf::Value::Text(said) => Value::String(said),
                other => panic!("{other:?} is no setting"),
            },
        )
    });
    let is_donors = |key: &String| key.starts_with("llama.") || key == "general.architecture";
    donor.metadata.into_iter().filter(|(key, _)| !is_donors(key)).chain(settings).collect()
}

/// Three beginnings, of one token and of many.
pub fn beginnings() -> Vec<Vec<Token>> {
    vec![
        vec![300],
        (5..45).map(|number| number * 31 % 1500).collect(),
        (0..100).map(|number| 40 + number % 7).collect(),
    ]
}
