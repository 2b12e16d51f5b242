//! The conversation in which a model is asked again: what it said, what is wrong with it, and what is wanted.
//!
//! What it said goes back as its own message and is guarded like all that was ever said, so that a broken call in it is
//! text and no markup. It must not know when one asks again.

use serde_json::{Map, Value, json};

use super::prompter::in_a_word;
use super::{Conversation, Template, TemplateTokens};
use callwright_parse::chat::{Message, Tool, ToolChoice};
use callwright_parse::error::Result;

const REASK: &str = include_str!("../prompts/reask.jinja");

/// The most bytes of a useless answer that are shown again: enough to see the slip, too little to be taken up.
const SHOWN: usize = 2000;

/// What asking again needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Reask<'a> {
    /// What the model wrote.
    pub answer: &'a str,
    /// What is wrong with it.
    pub faults: &'a [String],
    /// The tools that the faults are about.
    pub tools: &'a [Tool],
    /// What is wanted now.
    pub choice: &'a ToolChoice,
}

impl Reask<'_> {
    /// The two messages that follow the conversation.
    ///
    /// ```
    /// use callwright_parse::chat::ToolChoice;
    /// use callwright_prompt::Reask;
    /// let faults = ["the text ended inside a call".to_owned()];
    /// let reask = Reask { answer: "<tool_call>{", faults: &faults, tools: &[], choice: &ToolChoice::Required };
    /// let [answer, question] = reask.messages()?;
    /// assert_eq!(answer.text(), "<tool_call>{");
    /// assert!(question.text().contains("the text ended inside a call"));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn messages(&self) -> Result<[Message; 2]> {
        let shown = self.answer.trim();
        let shown = &shown[..shown.floor_char_boundary(SHOWN)];
        // Templates refuse an answer without words.
        let shown = if shown.is_empty() { "(nothing)" } else { shown };
        Ok([Message::assistant(shown, Vec::new()), Message::user(self.question()?)])
    }

    fn question(&self) -> Result<String> {
        let tools: Vec<Value> =
            self.tools.iter().map(|tool| json!({"name": tool.name, "parameters": tool.parameters})).collect();
        let mut variables = Map::new();
        variables.insert("faults".to_owned(), json!(self.faults));
        variables.insert("tools".to_owned(), Value::from(tools));
        variables.insert("choice".to_owned(), Value::from(in_a_word(self.choice)));
        let template = Template::compile(REASK, TemplateTokens::default())?;
        Ok(template.render(&Conversation { variables, ..Conversation::default() })?.trim().to_owned())
    }
}
