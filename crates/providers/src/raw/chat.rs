//! A raw completion provider where a chat was asked for: it says how to use it instead.

use futures_util::stream;

use super::super::registry::Parts;
use super::super::send::Sender;
use super::super::{Ask, Capabilities, Check, Health, Info, Provider, Replies, Step, Task};
use super::Raw;
use callwright_infer::Generator as _;
use callwright_parse::error::{Error, Failure, FailureKind, Result};

/// The dialect that lists show.
const DIALECT: &str = "raw";

/// A provider without chat.
#[derive(Debug)]
pub(in super::super) struct RawOnly {
    info: Info,
    parts: Parts,
}

impl RawOnly {
    pub(in super::super) fn new(parts: Parts) -> Result<Self> {
        let host = |address: &String| Ok(Sender::new(&parts, address)?.host());
        let info = Info {
            name: parts.row.name.clone(),
            kind: parts.row.kind,
            dialect: DIALECT.to_owned(),
            hosts: parts.row.addresses().iter().map(host).collect::<Result<_>>()?,
            has_key: parts.key.is_some(),
            model: parts.row.model.clone(),
        };
        Ok(Self { info, parts })
    }

    async fn look(&self) -> Result<Check> {
        let step = |what: &str, found: String| Step { what: what.to_owned(), ok: true, found, hint: None };
        let mut check = Check::default();
        match Raw::connect(self.parts.clone()).await {
            Ok(raw) => {
                let found = format!("{} answers: {}", self.info.hosts.join(", "), raw.engine());
                let model = raw.model();
                let room = if model.context_length == usize::MAX {
                    "unknown context length".to_owned()
                } else {
                    format!("context length {}", model.context_length)
                };
                check.steps = vec![step("reach", found), step("model", format!("`{}`, {room}", model.name))];
            }
            Err(error) => {
                let hint = error.hint_text().map(str::to_owned);
                check.steps.push(Step { what: "reach".to_owned(), ok: false, found: error.to_string(), hint });
            }
        }
        Ok(check)
    }
}

impl Provider for RawOnly {
    fn info(&self) -> &Info {
        &self.info
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.parts.row.capabilities(model)
    }

    fn stream(&self, _: Ask) -> Replies {
        let failure = Failure::new(FailureKind::Unsupported, self.info.name.as_str());
        let error = Error::provider(
            failure,
            format!("`{}` is set up for raw completion: it replaces the local model", self.info.name),
        )
        .hint(format!("`--provider {}`, or `provider = \"{}\"`", self.info.name, self.info.name));
        Box::pin(stream::iter([Err(error)]))
    }

    fn models(&self) -> Task<'_, Vec<String>> {
        Box::pin(async {
            let raw = Raw::connect(self.parts.clone()).await?;
            Ok(vec![raw.model().name.clone()])
        })
    }

    fn check(&self) -> Task<'_, Check> {
        Box::pin(self.look())
    }

    fn health(&self, _: &str) -> Health {
        Health { well: true, ..Health::default() }
    }
}
