//! A list that a template can grow: `ids.append(x)`, `ids.pop(0)`.
//!
//! minijinja's lists never change. Some templates queue the ids of calls in a list and take them out again where the
//! results come, so lists written in such a template are made of this. Once it is part of another value it is sealed:
//! it could otherwise come to hold itself, or make that value larger than the budget knows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::budget::Budget;

/// A list that can grow and shrink.
#[derive(Debug)]
pub(super) struct Growing(Mutex<Items>);

#[derive(Debug)]
struct Items {
    values: Vec<Value>,
    /// How many bytes were put in; none are taken off for what was taken out.
    held: usize,
    sealed: bool,
}

impl Growing {
    pub(super) fn new(items: Vec<Value>, held: usize) -> Self {
        Self(Mutex::new(Items { values: items, held, sealed: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn held(&self) -> usize {
        self.lock().held
    }

    pub(super) fn seal(&self) {
        self.lock().sealed = true;
    }
}

impl Items {
    /// The place that a Python index means.
    fn place(&self, index: i64) -> Option<usize> {
        let length = i64::try_from(self.values.len()).ok()?;
        usize::try_from(if index < 0 { index + length } else { index }).ok()
    }
}

impl Object for Growing {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let list = self.lock();
        list.values.get(list.place(key.as_i64()?)?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.lock().values.len())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let lacks = |what: &'static str| Error::new(ErrorKind::InvalidOperation, what);
        let more = match method {
            "append" => vec![from_args::<(Value,)>(args)?.0],
            "extend" => from_args::<(&Value,)>(args)?.0.try_iter()?.checked().collect::<Result<_, _>>()?,
            "insert" => vec![from_args::<(i64, Value)>(args)?.1],
            "pop" => {
                let (index,): (Option<i64>,) = from_args(args)?;
                let mut list = self.lock();
                let place = list.place(index.unwrap_or(-1)).filter(|&place| place < list.values.len());
                return Ok(list.values.remove(place.ok_or_else(|| lacks("pop index out of range"))?));
            }
            "remove" => {
                let (item,): (&Value,) = from_args(args)?;
                let mut items = std::mem::take(&mut self.lock().values);
                let place = items.iter().position(|one| one == item);
                let removed = place.map(|place| items.remove(place));
                self.lock().values = items;
                return removed.map(|_| Value::from(())).ok_or_else(|| lacks("not in list"));
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        let budget = Budget::of(state);
        // Weighed at a depth, so that a list put into itself seals itself.
        let weights = more.iter().map(|item| budget.weigh(item, 1)).sum::<Result<usize, Error>>()?;
        let mut list = self.lock();
        if list.sealed {
            return Err(lacks("a list that is part of another value can no longer grow"));
        }
        list.held = budget.fits(list.held + weights)?;
        let length = list.values.len();
        let place = if method == "insert" { list.place(args[0].as_i64().unwrap_or(0)).unwrap_or(0) } else { length };
        list.values.splice(place.min(length)..place.min(length), more);
        Ok(Value::from(()))
    }
}
