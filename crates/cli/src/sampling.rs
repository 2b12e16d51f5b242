//! Options of how tokens are chosen, in the words that people know from other engines.

use callwright_parse::chat::Request;

/// Options of how tokens are chosen.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Sampling")]
pub(super) struct SamplingArgs {
    /// Sampling temperature: 0 always takes the most likely token, 1 leaves the distribution unchanged
    #[arg(long, visible_alias = "temperature", value_name = "T", allow_negative_numbers = true)]
    temp: Option<f32>,
    /// Sample from the K most likely tokens
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Sample from the most likely tokens up to this total probability
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    top_p: Option<f32>,
    /// Drop tokens less likely than this fraction of the most likely one
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    min_p: Option<f32>,
    /// Repetition penalty in free text: 1.1 is common, 1 is off
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    repeat_penalty: Option<f32>,
    /// How many tokens back the penalties look
    #[arg(long, visible_alias = "repeat-last-n", value_name = "N")]
    repeat_window: Option<usize>,
    /// Penalty for tokens that occurred before, whatever their count
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    presence_penalty: Option<f32>,
    /// Penalty for tokens that occurred before, times their count
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    frequency_penalty: Option<f32>,
    /// Logit bias: add to the logit of a token, by its id: 1234=-5 (repeatable)
    #[arg(long, value_name = "TOKEN=BIAS", value_parser = bias)]
    logit_bias: Vec<(u32, f32)>,
    /// Random seed: the same seed gives the same tokens
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl SamplingArgs {
    /// Puts what was asked for into a request.
    pub(super) fn apply(&self, request: &mut Request) {
        let sampling = &mut request.sampling;
        sampling.temperature = self.temp.unwrap_or(sampling.temperature);
        sampling.top_k = self.top_k.unwrap_or(sampling.top_k);
        sampling.top_p = self.top_p.unwrap_or(sampling.top_p);
        sampling.min_p = self.min_p.unwrap_or(sampling.min_p);
        sampling.seed = self.seed.unwrap_or(sampling.seed);
        sampling.repeat_penalty = self.repeat_penalty.unwrap_or(sampling.repeat_penalty);
        sampling.repeat_window = self.repeat_window.unwrap_or(sampling.repeat_window);
        sampling.presence_penalty = self.presence_penalty.unwrap_or(sampling.presence_penalty);
        sampling.frequency_penalty = self.frequency_penalty.unwrap_or(sampling.frequency_penalty);
        request.logit_bias.extend(self.logit_bias.iter().copied());
    }
}

/// `1234=-5`.
fn bias(text: &str) -> Result<(u32, f32), String> {
    let parts = text.split_once('=').and_then(|(token, bias)| Some((token.parse().ok()?, bias.parse().ok()?)));
    parts
        .filter(|(_, bias): &(u32, f32)| bias.is_finite())
        .ok_or_else(|| "expected TOKEN=BIAS, such as 1234=-5".to_owned())
}
