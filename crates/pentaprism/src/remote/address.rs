//! What the commands work on: `glance:disk`, `prod/sf:Store/App.zip`, a file, or `-`.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One of the five APIs, by the word that begins its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `glance:`, the OpenStack Image service.
    Glance,
    /// `sphere:`, the Azure Sphere image upload.
    AzureSphere,
    /// `views:`, the iTwin Saved Views images.
    SavedViews,
    /// `pingone:`, the PingOne images.
    Pingone,
    /// `sf:`, the Service Fabric Image Store.
    ServiceFabric,
}

impl Dialect {
    /// All five, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Glance, Self::AzureSphere, Self::SavedViews, Self::Pingone, Self::ServiceFabric];

    /// The word that begins its addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Glance => "glance",
            Self::AzureSphere => "sphere",
            Self::SavedViews => "views",
            Self::Pingone => "pingone",
            Self::ServiceFabric => "sf",
        }
    }

    /// The name of its table in a profile, which is that of its specification file.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Glance => "glance",
            Self::AzureSphere => "azure_sphere",
            Self::SavedViews => "saved_views",
            Self::Pingone => "pingone",
            Self::ServiceFabric => "service_fabric",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Glance => "Glance",
            Self::AzureSphere => "Azure Sphere",
            Self::SavedViews => "Saved Views",
            Self::Pingone => "PingOne",
            Self::ServiceFabric => "Service Fabric",
        }
    }

    /// The dialect whose table in a profile has this name.
    #[must_use]
    pub fn of_table(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.table() == name)
    }

    /// The dialect whose addresses begin with `word`.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.title())
    }
}

/// An image, a file or a listing at a service. `Display` writes it as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The profile that says where the service is; without one the environment does.
    pub profile: Option<String>,
    /// The place within the service.
    pub place: Place,
}

/// A place within a service. Whether one that names nothing is enough is for the command to say: `ls` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// `glance:NAME_OR_ID`; empty for all images.
    Glance(String),
    /// `sphere:IMAGE_ID`, or `sphere:` for the tenant.
    AzureSphere(Option<String>),
    /// `views:SAVED_VIEW_ID`, `views:SAVED_VIEW_ID/thumbnail`, or `views:` for all views.
    SavedViews {
        /// The id of the saved view.
        view: Option<String>,
        /// Whether the small picture is meant, which only a view has.
        thumbnail: bool,
    },
    /// `pingone:IMAGE_ID`, or `pingone:` for the environment.
    Pingone(Option<String>),
    /// `sf:PATH`; empty for the root of the image store.
    ServiceFabric(String),
}

/// Where bytes come from or go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Location {
    /// A file or folder of this machine.
    Local(PathBuf),
    /// `-`: standard input or output.
    Standard,
    /// A place at a service.
    Remote(Address),
}

/// A text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is there.
    #[error("an empty text is neither an address nor a file; {}", Forms)]
    Empty,
    /// A word that is none of the five stands before the colon.
    #[error("`{word}:` is none of the five services; {}, or ./{text} for a file of this name", Forms)]
    UnknownDialect {
        /// The word.
        word: String,
        /// The whole text.
        text: String,
    },
    /// A URL, which says where a service is but not which.
    #[error("a URL is no address; set PENTAPRISM_SERVER or the `server` of a profile to it; {}", Forms)]
    Url,
    /// A file where something at a service is needed.
    #[error("`{text}` is not at a service; {}", Forms)]
    NotRemote {
        /// The file.
        text: String,
    },
    /// What follows a saved view is not `/thumbnail`, or a thumbnail has no view.
    #[error("`{0}` is no picture of a saved view; write views:SAVED_VIEW_ID or views:SAVED_VIEW_ID/thumbnail")]
    SavedView(String),
    /// An id with a slash where the service has no folders.
    #[error("`{id}` is no id of {dialect}: ids have no slash")]
    Slash {
        /// The service.
        dialect: Dialect,
        /// What stands for an id.
        id: String,
    },
}

/// How addresses are written, for messages.
struct Forms;

impl fmt::Display for Forms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "write glance:NAME_OR_ID, sphere:IMAGE_ID, views:SAVED_VIEW_ID, pingone:IMAGE_ID or sf:PATH, \
             with PROFILE/ before it for a named profile",
        )
    }
}

impl Address {
    /// The API that is meant.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.place {
            Place::Glance(_) => Dialect::Glance,
            Place::AzureSphere(_) => Dialect::AzureSphere,
            Place::SavedViews { .. } => Dialect::SavedViews,
            Place::Pingone(_) => Dialect::Pingone,
            Place::ServiceFabric(_) => Dialect::ServiceFabric,
        }
    }

    /// The address that names nothing within the service: what `ls` and `doctor` ask about.
    #[must_use]
    pub fn of_service(profile: Option<&str>, dialect: Dialect) -> Self {
        let place = match dialect {
            Dialect::Glance => Place::Glance(String::new()),
            Dialect::AzureSphere => Place::AzureSphere(None),
            Dialect::SavedViews => Place::SavedViews { view: None, thumbnail: false },
            Dialect::Pingone => Place::Pingone(None),
            Dialect::ServiceFabric => Place::ServiceFabric(String::new()),
        };
        Self { profile: profile.map(str::to_owned), place }
    }
}

impl Place {
    fn read(dialect: Dialect, rest: &str) -> Result<Self, AddressError> {
        let id = || match rest {
            "" => Ok(None),
            id if id.contains('/') => Err(AddressError::Slash { dialect, id: id.to_owned() }),
            id => Ok(Some(id.to_owned())),
        };
        match dialect {
            Dialect::Glance => Ok(Self::Glance(rest.to_owned())),
            Dialect::AzureSphere => Ok(Self::AzureSphere(id()?)),
            Dialect::Pingone => Ok(Self::Pingone(id()?)),
            Dialect::ServiceFabric => Ok(Self::ServiceFabric(rest.to_owned())),
            Dialect::SavedViews => match rest.split_once('/') {
                None => Ok(Self::SavedViews { view: id()?, thumbnail: false }),
                Some((view, "thumbnail")) if !view.is_empty() => {
                    Ok(Self::SavedViews { view: Some(view.to_owned()), thumbnail: true })
                }
                Some(_) => Err(AddressError::SavedView(rest.to_owned())),
            },
        }
    }
}

/// Whether `text` can be the name of a profile: letters, digits, `_`, `-` and `.`, not begun by a dot or a hyphen.
#[must_use]
pub fn is_profile_name(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    text.bytes().all(rest) && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
}

/// Whether `text` could be meant as the word of a service: letters first, digits, `_` and `-` after them.
fn is_word(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    text.bytes().all(rest) && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Reads an address, or nothing when the text names a file. What decides are the characters before the first colon, never
/// whether a file of that name exists: the same command means the same everywhere (D-155).
fn read(text: &str) -> Result<Option<Address>, AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let Some((head, rest)) = text.split_once(':') else { return Ok(None) };
    let (profile, word) = match head.split_once('/') {
        Some((profile, word)) if is_profile_name(profile) => (Some(profile.to_owned()), word),
        Some(_) => return Ok(None),
        None => (None, head),
    };
    match Dialect::of_word(word) {
        Some(dialect) => Place::read(dialect, rest).map(|place| Some(Address { profile, place })),
        None if !is_word(word) => Ok(None),
        None if rest.starts_with("//") => Err(AddressError::Url),
        None => Err(AddressError::UnknownDialect { word: word.to_owned(), text: text.to_owned() }),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        read(text)?.ok_or_else(|| AddressError::NotRemote { text: text.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(profile) = &self.profile {
            write!(formatter, "{profile}/")?;
        }
        self.place.fmt(formatter)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glance(image) => write!(formatter, "glance:{image}"),
            Self::AzureSphere(image) => write!(formatter, "sphere:{}", image.as_deref().unwrap_or_default()),
            Self::SavedViews { view, thumbnail } => {
                let end = if *thumbnail { "/thumbnail" } else { "" };
                write!(formatter, "views:{}{end}", view.as_deref().unwrap_or_default())
            }
            Self::Pingone(image) => write!(formatter, "pingone:{}", image.as_deref().unwrap_or_default()),
            Self::ServiceFabric(path) => write!(formatter, "sf:{path}"),
        }
    }
}

impl Location {
    /// Reads what stands on the command line. A name that is not UTF-8 is a file's.
    ///
    /// # Errors
    /// [`AddressError`] for what looks like an address and is none.
    pub fn read(text: &OsStr) -> Result<Self, AddressError> {
        match text.to_str() {
            Some("-") => Ok(Self::Standard),
            Some(text) => Ok(read(text)?.map_or_else(|| Self::Local(text.into()), Self::Remote)),
            None => Ok(Self::Local(text.into())),
        }
    }
}

impl FromStr for Location {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::read(OsStr::new(text))
    }
}

impl fmt::Display for Location {
    /// A file whose name looks like an address, or is `-`, gets `./` before it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => formatter.write_str("-"),
            Self::Remote(address) => address.fmt(formatter),
            Self::Local(path) => {
                let plain = Self::read(path.as_os_str());
                let clear = matches!(&plain, Ok(Self::Local(_))) || path.as_os_str().is_empty();
                write!(formatter, "{}{}", if clear { "" } else { "./" }, path.display())
            }
        }
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
