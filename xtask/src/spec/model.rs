//! A dialect as its spec describes it: what the emitters read. Names are still the document's; order is the file's.

use indexmap::IndexMap;

use super::error::Place;

/// One spec file.
#[derive(Debug)]
pub struct Spec {
    /// The file's stem.
    pub dialect: String,
    /// The file as headers of generated code name it.
    pub file: String,
    pub title: String,
    pub summary: Option<String>,
    pub description: String,
    pub path_rules: PathRules,
    /// Names of query parameters are compared without case.
    pub fold_query: bool,
    /// What clients say about the answers they take; nothing unless the document recommends something.
    pub accept: Option<String>,
    pub cors: Option<Cors>,
    pub schemas: IndexMap<String, Schema>,
    /// Component responses that become structs shared by operations.
    pub responses: IndexMap<String, Response>,
    pub operations: Vec<Operation>,
    /// Every decision that the file names.
    pub decisions: Vec<(String, usize)>,
}

impl Spec {
    /// Whether a value says in words what went wrong: it is text, or an object with a summary, or holds one first.
    pub fn speaks(&self, schema: &Schema) -> bool {
        match &schema.kind {
            Kind::Text | Kind::Enum(_) => true,
            Kind::Reference(name) => self.speaks(&self.schemas[name]),
            Kind::List(items) => self.speaks(items),
            Kind::Object(object) => !object.summary.is_empty(),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathRules {
    pub fold_literals: bool,
    pub empty_segments: EmptySegments,
    pub dollar: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmptySegments {
    #[default]
    Kept,
    DropTrailing,
    DropAll,
}

/// What web pages of other origins may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub expose: Vec<String>,
    /// Seconds.
    pub max_age: u32,
}

#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub summary: String,
    pub description: Option<String>,
    pub method: String,
    pub path: String,
    pub template: Vec<TemplateSegment>,
    pub parameters: Vec<Parameter>,
    pub body: Option<RequestBody>,
    pub responses: Vec<Documented>,
    pub idempotent: bool,
    /// Whether HEAD is answered too, as this GET is.
    pub head: bool,
    pub source: Option<String>,
    pub line: usize,
}

impl Operation {
    /// Whether the request's body streams.
    pub fn streams_request(&self) -> bool {
        self.body.as_ref().is_some_and(|body| matches!(body.kind, BodyKind::Stream))
    }

    /// Whether the query is read as a form, of which no pair is lost.
    pub fn reads_form_query(&self) -> bool {
        self.parameters.iter().any(Parameter::is_list)
    }

    /// Whether a success carries a streamed body.
    pub fn streams_response(&self) -> bool {
        self.responses.iter().any(|documented| documented.answer.streams())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSegment {
    Literal(String),
    /// A parameter of one segment.
    One(String),
    /// A parameter of one or more segments.
    Many(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum In {
    Path,
    Query,
    Header,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub location: In,
    pub required: bool,
    pub description: String,
    pub schema: Schema,
    pub many: bool,
    pub ignore_invalid: bool,
}

impl Parameter {
    /// Whether it may stand in a request any number of times.
    pub fn is_list(&self) -> bool {
        matches!(self.schema.kind, Kind::List(_) | Kind::Map(_))
    }

    /// Whether it takes every query parameter that is not declared.
    pub fn takes_undeclared(&self) -> bool {
        matches!(self.schema.kind, Kind::Map(_))
    }
}

#[derive(Debug, Clone)]
pub struct RequestBody {
    pub description: String,
    pub media_type: String,
    pub any_content_type: bool,
    pub kind: BodyKind,
}

impl RequestBody {
    /// Whether only the sender knows the type: the media type is a range, and the input has a field for it.
    pub fn names_its_type(&self) -> bool {
        is_range(&self.media_type)
    }
}

/// Whether a media type is a range such as `image/*`.
pub fn is_range(media_type: &str) -> bool {
    media_type.ends_with("/*")
}

#[derive(Debug, Clone)]
pub enum BodyKind {
    Stream,
    Json(Schema),
    /// Collected and handed over unparsed; the schema only documents it.
    Raw(Schema),
}

/// A documented status of an operation.
#[derive(Debug, Clone)]
pub struct Documented {
    /// `None` is `default`.
    pub status: Option<u16>,
    pub description: String,
    /// Slug and sentence of each condition.
    pub when: IndexMap<String, String>,
    pub answer: Answer,
}

#[derive(Debug, Clone)]
pub enum Answer {
    /// A component response that has a struct of its own.
    Component {
        name: String,
        streams: bool,
    },
    Inline(Box<Response>),
}

impl Answer {
    /// Whether the body streams.
    pub fn streams(&self) -> bool {
        match self {
            Self::Component { streams, .. } => *streams,
            Self::Inline(response) => matches!(response.content, Content::Stream(_)),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Response {
    pub description: String,
    pub headers: Vec<Header>,
    pub content: Content,
    /// The name of the enum of several media types.
    pub body_name: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Header {
    pub name: String,
    /// Another name under which a reader accepts it.
    pub also: Option<String>,
    pub required: bool,
    pub description: String,
    pub schema: Schema,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Nothing,
    /// An empty body that has a type all the same.
    Typed(String),
    Stream(String),
    Text(String),
    Json(String, Schema),
    /// Told apart by Content-Type.
    Several(Vec<(String, Option<Schema>)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub description: Option<String>,
    pub kind: Kind,
    pub nullable: bool,
    /// The default as the document writes it.
    pub default: Option<String>,
    /// The only value that there is; a header that has one needs no field.
    pub constant: Option<String>,
    pub closed: bool,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
    Uuid,
    DateTime,
    Integer {
        bits: u8,
        signed: bool,
    },
    /// A 64-bit number written as a string.
    Decimal {
        signed: bool,
    },
    Number,
    Boolean,
    Enum(Vec<Choice<String>>),
    /// Numbers that stand for names.
    NumberEnum(Vec<Choice<i64>>),
    List(Box<Schema>),
    /// An object with free keys.
    Map(Box<Schema>),
    /// Any JSON object.
    Free,
    Object(Object),
    Reference(String),
}

/// One value of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<T> {
    pub value: T,
    /// What it is called, as the document writes it.
    pub name: String,
    pub description: Option<String>,
}

/// What members are that an object has besides those that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Additional {
    Text,
    Anything,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub properties: IndexMap<String, Schema>,
    pub required: Vec<String>,
    /// What becomes of members that are not listed; without it they are dropped.
    pub additional: Option<Additional>,
    /// The members that say what went wrong, where this is part of an error.
    pub summary: Vec<String>,
}
