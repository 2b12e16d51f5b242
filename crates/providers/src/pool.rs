//! Several providers under one name: addresses of the same server, or an A/B test by weight.
//!
//! A conversation stays with its first member while that is healthy, because caches and signed reasoning are there. New
//! ones go to the least busy member, or are distributed by weight. The reply says which member answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::audit::Line;
use super::{Ask, Capabilities, Check, Health, Info, Provider, Replies, Task};
use callwright_parse::chat::Role;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The most conversations whose place is remembered.
const REMEMBERED: usize = 4096;

/// Providers that share a name.
#[derive(Debug)]
pub struct Pool {
    info: Info,
    members: Vec<Arc<dyn Provider>>,
    choice: Choice,
    places: Mutex<Places>,
}

#[derive(Debug)]
enum Choice {
    LeastBusy,
    /// The weight of each member.
    Weighted(Vec<u32>),
}

/// Where conversations are, and how many new ones were placed.
#[derive(Debug, Default)]
struct Places {
    by_conversation: BTreeMap<String, usize>,
    order: VecDeque<String>,
    placed: Vec<u64>,
}

impl Pool {
    /// The one with the fewest requests under way is asked.
    pub fn least_busy(name: &str, members: Vec<Arc<dyn Provider>>) -> Result<Self> {
        Self::new(name, members, Choice::LeastBusy)
    }

    /// Conversations are shared out by weight.
    pub fn weighted(name: &str, members: Vec<(Arc<dyn Provider>, u32)>) -> Result<Self> {
        let (members, weights): (Vec<_>, Vec<_>) = members.into_iter().filter(|(_, weight)| *weight > 0).unzip();
        Self::new(name, members, Choice::Weighted(weights))
    }

    fn new(name: &str, members: Vec<Arc<dyn Provider>>, choice: Choice) -> Result<Self> {
        let Some(first) = members.first() else {
            return Err(Error::new(ErrorKind::Config, format!("the provider `{name}` has no members")));
        };
        let mut info = Info { name: name.to_owned(), ..first.info().clone() };
        info.hosts = members.iter().flat_map(|member| member.info().hosts.clone()).collect();
        info.has_key = members.iter().all(|member| member.info().has_key);
        let placed = vec![0; members.len()];
        Ok(Self { info, members, choice, places: Mutex::new(Places { placed, ..Places::default() }) })
    }

    /// The member that answers this.
    fn choose(&self, ask: &Ask) -> &Arc<dyn Provider> {
        let conversation = ask.conversation.clone().unwrap_or_else(|| beginning(ask));
        let health: Vec<Health> = self.members.iter().map(|member| member.health(&ask.model)).collect();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.by_conversation.get(&conversation).copied();
        let at = match known {
            Some(at) if health[at].well => at,
            _ => {
                let at = self.place(&health, &places.placed);
                places.placed[at] += 1;
                places.remember(conversation, at);
                at
            }
        };
        &self.members[at]
    }

    /// Where a new conversation goes. If no member is healthy, the choice is made as if all were.
    fn place(&self, health: &[Health], placed: &[u64]) -> usize {
        let nobody = !health.iter().any(|health| health.well);
        let able = (0..self.members.len()).filter(|at| nobody || health[*at].well);
        let best = match &self.choice {
            Choice::LeastBusy => able.min_by_key(|at| (health[*at].in_flight + health[*at].waiting, placed[*at])),
            // The one that is furthest behind its share: (placed + 1) / weight is least.
            Choice::Weighted(weights) => able.min_by(|one, other| {
                let crossed = |at: usize, by: usize| (placed[at] + 1) * u64::from(weights[by]);
                crossed(*one, *other).cmp(&crossed(*other, *one))
            }),
        };
        best.unwrap_or(0)
    }
}

impl Places {
    fn remember(&mut self, conversation: String, at: usize) {
        if self.by_conversation.insert(conversation.clone(), at).is_none() {
            self.order.push_back(conversation);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.by_conversation.remove(&oldest);
            }
        }
    }
}

/// A conversation is known by how it begins: all up to the first answer.
fn beginning(ask: &Ask) -> String {
    let messages = ask.request.messages.iter().take_while(|message| message.role != Role::Assistant);
    let said: Vec<String> = messages.map(|message| format!("{}\n{}", message.role.as_str(), message.text())).collect();
    Line::hash(said.join("\n\n").as_bytes())
}

impl Provider for Pool {
    fn info(&self) -> &Info {
        &self.info
    }

    /// What all members can do, so that any member can be chosen.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut all = self.members.iter().map(|member| member.capabilities(model));
        let first = all.next().unwrap_or_default();
        all.fold(first, |mut common, next| {
            common.abilities.retain(|ability| next.can(*ability));
            let least = |one: Option<u64>, other: Option<u64>| match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            common.context_length = least(common.context_length, next.context_length);
            common.max_output = least(common.max_output, next.max_output);
            common
        })
    }

    fn stream(&self, ask: Ask) -> Replies {
        self.choose(&ask).stream(ask)
    }

    fn models(&self) -> Task<'_, Vec<String>> {
        self.members[0].models()
    }

    fn check(&self) -> Task<'_, Check> {
        Box::pin(async {
            let mut check = Check::default();
            for member in &self.members {
                let hosts = member.info().hosts.join(", ");
                for mut step in member.check().await?.steps {
                    step.what = format!("{hosts}: {}", step.what);
                    check.steps.push(step);
                }
            }
            Ok(check)
        })
    }

    fn health(&self, model: &str) -> Health {
        let all: Vec<_> = self.members.iter().map(|member| member.health(model)).collect();
        Health {
            well: all.iter().any(|health| health.well),
            in_flight: all.iter().map(|health| health.in_flight).sum(),
            waiting: all.iter().map(|health| health.waiting).sum(),
        }
    }
}
