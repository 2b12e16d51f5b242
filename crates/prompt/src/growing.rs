//! A list that a template can grow: `ids.append(x)`, `ids.pop(0)`.
//!
//! minijinja's lists never change. Some templates queue the ids of calls in a list and take them out again where the
//! results come, so lists written in such a template are made of this.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

use super::budget::{Budget, DEPTH, Limit};

/// A list that can grow and shrink.
#[derive(Debug, Default)]
pub(super) struct Growing {
    items: Mutex<Vec<Value>>,
}

impl Growing {
    pub(super) fn new(items: Vec<Value>) -> Self {
        Self { items: Mutex::new(items) }
    }

    fn items(&self) -> MutexGuard<'_, Vec<Value>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place that a Python index means.
    fn place(&self, index: i64) -> Option<usize> {
        let length = i64::try_from(self.items().len()).ok()?;
        usize::try_from(if index < 0 { index + length } else { index }).ok()
    }

    /// Refuses what would make the list hold itself.
    fn admit(&self, state: &mut State<'_, '_>, item: &Value) -> Result<(), Error> {
        Budget::of(state).charge_parts(item, 0)?;
        if self.is_in(item, 0) { Err(Limit::Depth.into()) } else { Ok(()) }
    }

    fn is_in(&self, item: &Value, depth: usize) -> bool {
        if item.downcast_object_ref::<Self>().is_some_and(|list| std::ptr::eq(list, self)) || depth > DEPTH {
            return true;
        }
        match item.kind() {
            ValueKind::Seq => item.try_iter().into_iter().flatten().any(|part| self.is_in(&part, depth + 1)),
            ValueKind::Map => {
                let pairs = item.as_object().and_then(DynObject::try_iter_pairs);
                pairs.into_iter().flatten().any(|(_, part)| self.is_in(&part, depth + 1))
            }
            _ => false,
        }
    }
}

impl Object for Growing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = self.place(key.as_i64()?)?;
        self.items().get(place).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items().len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "append" => {
                let (item,): (&Value,) = from_args(args)?;
                self.admit(state, item)?;
                self.items().push(item.clone());
            }
            "extend" => {
                let (more,): (&Value,) = from_args(args)?;
                let more = more.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
                more.iter().try_for_each(|item| self.admit(state, item))?;
                self.items().extend(more);
            }
            "insert" => {
                let (index, item): (i64, &Value) = from_args(args)?;
                self.admit(state, item)?;
                let place = self.place(index).unwrap_or(0).min(self.items().len());
                self.items().insert(place, item.clone());
            }
            "pop" => {
                let (index,): (Option<i64>,) = from_args(args)?;
                let place = self.place(index.unwrap_or(-1)).filter(|&place| place < self.items().len());
                let place = place.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "pop index out of range"))?;
                return Ok(self.items().remove(place));
            }
            "remove" => {
                let (item,): (&Value,) = from_args(args)?;
                let place = self.items().iter().position(|one| one == item);
                let place = place.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "not in list"))?;
                self.items().remove(place);
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }
}
