//! From the documents' names to Rust's: `uploadImageData` → `UploadImageData` and `upload_image_data`.

/// Words of a name in any of the usual cases. A single letter in front is no word of its own: `iTwin` and `ETag` are one.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    let characters: Vec<char> = name.chars().collect();
    for (index, &character) in characters.iter().enumerate() {
        let next_is_lower = characters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let starts = !previous.is_ascii_alphanumeric()
            || character.is_ascii_uppercase() && (!previous.is_ascii_uppercase() || next_is_lower);
        let prefixed = words.len() == 1 && words[0].len() == 1 && previous.is_ascii_alphanumeric();
        if character.is_ascii_alphanumeric() {
            if starts && !prefixed || words.is_empty() {
                words.push(String::new());
            }
            words.last_mut().expect("a word was just begun").push(character.to_ascii_lowercase());
        }
        previous = character;
    }
    words
}

/// A type's or variant's name.
pub fn type_name(name: &str) -> String {
    let capitalised = words(name).into_iter().map(|word| {
        let mut characters = word.chars();
        characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
    });
    let joined = capitalised.collect::<String>();
    match joined.as_str() {
        "Self" => "Self_".to_owned(),
        _ if joined.starts_with(|first: char| first.is_ascii_digit()) => format!("V{joined}"),
        _ => joined,
    }
}

/// A module's or function's name.
pub fn module(name: &str) -> String {
    let joined = words(name).join("_");
    if joined.starts_with(|first: char| first.is_ascii_digit()) { format!("v{joined}") } else { joined }
}

/// Words that Rust keeps for itself, or may one day.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// A field's name, escaped where it is a keyword.
pub fn field(name: &str) -> String {
    let field = module(name);
    if KEYWORDS.contains(&field.as_str()) { format!("{field}_") } else { field }
}

/// A response struct's name: the component's, marked as a response.
pub fn response_name(component: &str) -> String {
    let name = type_name(component);
    if name.ends_with("Response") { name } else { format!("{name}Response") }
}

/// A status as a variant: `NotFound`, `Ok`, `ImATeapot`; numbers without a name are `Status499`.
pub fn status_variant(status: u16) -> String {
    let reason = match status {
        200 => "Ok",
        201 => "Created",
        202 => "Accepted",
        204 => "NoContent",
        206 => "PartialContent",
        300 => "MultipleChoices",
        301 => "MovedPermanently",
        302 => "Found",
        304 => "NotModified",
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        408 => "RequestTimeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "LengthRequired",
        412 => "PreconditionFailed",
        413 => "ContentTooLarge",
        415 => "UnsupportedMediaType",
        416 => "RangeNotSatisfiable",
        421 => "MisdirectedRequest",
        422 => "UnprocessableContent",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        501 => "NotImplemented",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        other => return format!("Status{other}"),
    };
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rust() {
        assert_eq!(type_name("uploadImageData"), "UploadImageData");
        assert_eq!(type_name("GetImageStoreUploadSessionById"), "GetImageStoreUploadSessionById");
        assert_eq!(module("X-Openstack-Request-Id"), "x_openstack_request_id");
        assert_eq!(module("Content-MD5"), "content_md5");
        assert_eq!(module("contentPath"), "content_path");
        assert_eq!(type_name("FABRIC_E_TIMEOUT"), "FabricETimeout");
        assert_eq!(type_name("2.0"), "V20");
        assert_eq!(field("type"), "type_");
        assert_eq!(field("_links"), "links");
        assert_eq!(field("$top"), "top");
        assert_eq!(field("2d"), "v2d");
        assert_eq!(field("CompletedDateUTC"), "completed_date_utc");
        assert_eq!(field("IsSuccess"), "is_success");
        assert_eq!(field("ETag"), "etag");
        assert_eq!(field("E_ACCESSDENIED"), "e_accessdenied");
        assert_eq!(field("iTwinId"), "itwin_id");
        assert_eq!(type_name("iModelId"), "ImodelId");
        assert_eq!(field("itwin3dView"), "itwin3d_view");
        assert_eq!(type_name("self"), "Self_");
    }
}
