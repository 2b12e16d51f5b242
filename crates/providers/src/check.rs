//! `callwright providers test`: is it there, does it take the key, has it the model, does it make a call.
//!
//! Each step that fails says what to do and ends the check, because the next one could only repeat it.

use std::sync::Arc;

use super::remote::Remote;
use super::{Ask, Check, Provider as _, Reason, Step};
use callwright_parse::chat::{Request, Tool, ToolChoice};
use callwright_parse::error::{Error, Result};

pub(super) async fn check(remote: &Remote) -> Result<Check> {
    let mut check = Check::default();
    let models = match remote.wire.list().await {
        Ok(models) => {
            let key = if remote.info().has_key { "the key is accepted" } else { "no key is needed" };
            check.steps.push(good("reach", format!("{} answers; {key}", remote.info().hosts.join(", "))));
            models
        }
        Err(error) => {
            check.steps.push(bad("reach", &error));
            return Ok(check);
        }
    };
    let Some(model) = remote.info().model.clone().or_else(|| (models.len() == 1).then(|| models[0].clone())) else {
        let some: Vec<_> = models.iter().take(8).map(String::as_str).collect();
        check.steps.push(good("models", format!("{} models, such as {}", models.len(), some.join(", "))));
        return Ok(check);
    };
    // Gateways do not list all that they take.
    let listed = models.iter().any(|name| name.trim_end_matches(":latest") == model.trim_end_matches(":latest"));
    let found = if listed { "is listed" } else { "is not listed, but may exist" };
    check.steps.push(good("models", format!("{} models; `{model}` {found}", models.len())));
    let made = super::whole(remote.stream(Ask::new(Arc::new(tiny()), model, Reason::Check))).await;
    check.steps.push(match made {
        Ok(whole) if whole.calls.iter().any(|call| call.name == "add") => {
            good("tool call", "made as requested".to_owned())
        }
        Ok(_) => Step {
            what: "tool call".to_owned(),
            ok: false,
            found: "the model answered without a call".to_owned(),
            hint: Some("choose a model that can call tools, or enable tool calling on the server".to_owned()),
        },
        Err(error) => bad("tool call", &error),
    });
    Ok(check)
}

fn tiny() -> Request {
    let number = serde_json::json!({"type": "integer"});
    let parameters =
        serde_json::json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]});
    let mut request = Request::new("Use the tool to add 2 and 3.")
        .tool(Tool::new("add", "Adds two integers", parameters))
        .tool_choice(ToolChoice::Required);
    request.limits.max_tokens = 512;
    request
}

fn good(what: &str, found: String) -> Step {
    Step { what: what.to_owned(), ok: true, found, hint: None }
}

fn bad(what: &str, error: &Error) -> Step {
    let hint = error.hint_text().map(str::to_owned);
    Step { what: what.to_owned(), ok: false, found: error.to_string(), hint }
}
