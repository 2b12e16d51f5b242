//! Which callwright this is: what `--version` and `doctor` say, and what a report of a fault needs.

/// The version, with the commit it was built from where that is known.
pub(super) fn short() -> String {
    match option_env!("CALLWRIGHT_COMMIT") {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The same with the engines in it and the processor it runs on.
pub(super) fn long() -> String {
    let engines = engines();
    let engines = if engines.is_empty() { "none".to_owned() } else { engines.join(", ") };
    format!("{}\nengines: {engines}\ncpu: {}", short(), cpu())
}

/// The engines that this build has.
pub(super) fn engines() -> Vec<&'static str> {
    [
        #[cfg(feature = "llama")]
        "llama.cpp",
        #[cfg(feature = "candle")]
        "candle",
    ]
    .into()
}

/// The processor's kind and what of it engines make use of.
pub(super) fn cpu() -> String {
    let features = features();
    let features = if features.is_empty() { String::new() } else { format!(" ({})", features.join(", ")) };
    format!("{}{features}", std::env::consts::ARCH)
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let there = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    there.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    use std::arch::is_aarch64_feature_detected;
    let there = [
        ("neon", is_aarch64_feature_detected!("neon")),
        ("dotprod", is_aarch64_feature_detected!("dotprod")),
        ("i8mm", is_aarch64_feature_detected!("i8mm")),
        ("sve", is_aarch64_feature_detected!("sve")),
    ];
    there.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
