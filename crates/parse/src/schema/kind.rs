//! What a value may be: the tree that visitors walk.
//!
//! Each node says one kind of value whole: what `allOf` and references beside other keywords add is merged in, `type`
//! lists are alternatives, and alternatives are complete in themselves. A grammar that follows the kinds lets through
//! nothing that the schema forbids, but for the keywords in [`Node::beyond`]. It must not know JSON Schema's spelling.

use serde_json::{Number, Value};

use super::format::StringFormat;

/// The keyword beyond a node where a schema is too large or too deep to be made nodes of.
pub(super) const GIVEN_UP: &str = "allOf";

/// One place of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What a value may be here.
    pub kind: Kind,
    /// Where it stands in the schema, as a JSON pointer.
    pub place: String,
    /// Keywords that narrow the value beyond what `kind` says (`not`, `if`, ..): the check alone knows them.
    pub beyond: Vec<&'static str>,
}

impl Node {
    /// Anything at all.
    pub const ANY: Self = Self { kind: Kind::Any, place: String::new(), beyond: Vec::new() };

    /// A node of this kind at this place, with nothing beyond.
    pub(super) fn new(kind: Kind, place: String) -> Self {
        Self { kind, place, ..Self::ANY }
    }

    /// Whether no value is allowed here: `false`, or keywords that exclude each other.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Constants(values) if values.is_empty())
    }
}

/// The kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Any value.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number(Numbers),
    /// A string.
    String(Strings),
    /// An array.
    Array(Arrays),
    /// An object.
    Object(Objects),
    /// One of these values, which satisfy all that stands beside `enum` and `const`. None of them: no value is allowed.
    Constants(Vec<Value>),
    /// What one of several nodes says.
    Either(Either),
    /// What [`Schema::named`](super::Schema::named) has under this number. References may lead in circles, but each
    /// circle passes a member or an item.
    Reference(usize),
}

/// Numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// Whether only whole numbers are allowed. `5.0` counts as one for JSON Schema.
    pub integer: bool,
    /// The lower bound.
    pub least: Option<Bound>,
    /// The upper bound.
    pub most: Option<Bound>,
    /// Each of these divides the number.
    pub multiple_of: Vec<Number>,
}

impl Numbers {
    /// The bounds, each with the keyword that says it.
    pub fn bounds(&self) -> impl Iterator<Item = (&'static str, &Bound)> {
        let least = (&self.least, ["minimum", "exclusiveMinimum"]);
        let most = (&self.most, ["maximum", "exclusiveMaximum"]);
        [least, most].into_iter().filter_map(|(bound, keywords)| {
            let bound = bound.as_ref()?;
            Some((keywords[usize::from(bound.excluded)], bound))
        })
    }
}

/// A bound of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The number, as it was written.
    pub value: Number,
    /// Whether the number itself is excluded.
    pub excluded: bool,
}

/// Strings. Lengths are counted in characters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Strings {
    /// The least length.
    pub least: u64,
    /// The greatest length.
    pub most: Option<u64>,
    /// Regular expressions as ECMA-262 has them, each of which matches somewhere in the string.
    pub patterns: Vec<String>,
    /// The formats that the string is of.
    pub formats: Vec<StringFormat>,
}

/// Arrays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrays {
    /// The first items, each its own. An array may be shorter.
    pub first: Vec<Node>,
    /// All further items; none where there may be no more.
    pub rest: Option<Box<Node>>,
    /// The least number of items.
    pub least: u64,
    /// The greatest number of items.
    pub most: Option<u64>,
    /// Whether no two items may be equal.
    pub unique: bool,
    /// What some of the items have to be.
    pub contains: Vec<Contains>,
}

/// What some of an array's items have to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Contains {
    /// What such an item is.
    pub item: Node,
    /// At least so many are.
    pub least: u64,
    /// At most so many are.
    pub most: Option<u64>,
}

/// Objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objects {
    /// The members that are listed, in the schema's order, and then those that are only required.
    pub members: Vec<Member>,
    /// What members are whose name matches a pattern.
    pub patterns: Vec<(String, Node)>,
    /// All other members.
    pub others: Others,
    /// What the names of members have to be.
    pub names: Option<Box<Node>>,
    /// The least number of members.
    pub least: u64,
    /// The greatest number of members.
    pub most: Option<u64>,
    /// Where the first member is there, all of the others have to be.
    pub needs: Vec<(String, Vec<String>)>,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub key: String,
    /// What its value may be.
    pub node: Node,
    /// Whether it has to be there.
    pub required: bool,
}

/// Members that an object's schema does not list.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Others {
    /// The schema does not speak of them, so they may be anything.
    #[default]
    Unsaid,
    /// There may be none.
    Forbidden,
    /// They are allowed and of this kind.
    Of(Box<Node>),
}

/// Alternatives. Each is complete: what stands beside them in the schema is merged into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Either {
    /// The alternatives, at least two.
    pub of: Vec<Node>,
    /// Whether a value must be of one of them only (`oneOf`). [`Schema::apart`](super::Schema::apart) says whether that
    /// follows from the alternatives themselves.
    pub exclusive: bool,
    /// What stands beside the alternatives, by itself. Visitors that take one alternative do not need it.
    pub beside: Option<Box<Node>>,
}

/// How the alternatives of an [`Either`] are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apart {
    /// By their JSON types or constants: no value is of two.
    Values,
    /// All are objects that require this member, with constants that differ.
    Tag(String),
    /// Any two differ by type, by constants, or are objects that each require what the other does not list. So no value
    /// is of two, as long as its objects have only members that are listed.
    Keys,
    /// One value may be of several.
    Unclear,
}

impl Objects {
    /// The member with this name, if it is listed.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.key == key)
    }

    /// Whether the schema lists all members in one place and says nothing of others but that they may not be.
    #[must_use]
    pub fn lists_all(&self) -> bool {
        self.patterns.is_empty() && !matches!(self.others, Others::Of(_))
    }
}

impl Arrays {
    /// What the item at this index may be; none where there may be none.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<&Node> {
        self.first.get(index).or(self.rest.as_deref())
    }
}
