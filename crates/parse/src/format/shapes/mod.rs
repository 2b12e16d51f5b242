//! The shapes of a call's body: each reads and writes, side by side.

pub(crate) mod call_expr;
pub(crate) mod channels;
pub(crate) mod elements;
pub(crate) mod follows;
pub(crate) mod json_calls;
pub(crate) mod json_text;
pub(crate) mod named_json;
pub(crate) mod named_text;
pub(crate) mod param_tag;
pub(crate) mod param_text;
pub(crate) mod plain_args;
pub(crate) mod plain_text;
pub(crate) mod quotes;
pub(crate) mod tagged_close;
pub(crate) mod tagged_params;
pub(crate) mod tagged_value;
pub(crate) mod torn;
