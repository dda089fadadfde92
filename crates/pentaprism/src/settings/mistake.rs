//! What is wrong with a setting, told without the lines and values that could hold a token (D-005).

/// A mistake in a configuration file, a file with profiles or a variable: its place and what is expected there, never the text that is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{message}")]
pub struct Mistake {
    place: String,
    message: String,
}

impl Mistake {
    /// Takes the place from `error`, which quotes the whole line, and its message without the value that was found.
    pub(crate) fn new(error: &toml::de::Error, text: &str) -> Self {
        let place = error.span().and_then(|span| text.get(..span.start)).filter(|_| !text.is_empty());
        let place = place.map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
            format!("line {line}, column {column}: ")
        });
        Self { place: place.unwrap_or_default(), message: without_value(error.message()) }
    }
}

/// A message of serde without the value it quotes: `invalid type: string "…", expected …`.
fn without_value(message: &str) -> String {
    let quotes = ["invalid type: ", "invalid value: "].into_iter().any(|start| message.starts_with(start));
    // What is expected stands last, whatever the value has in it.
    match message.rfind(", expected ").filter(|_| quotes) {
        Some(position) => format!("the value is of the wrong kind{}", &message[position..]),
        // The standard library says nothing of what would be right.
        None if message.starts_with("invalid socket address syntax") => {
            "the value is no address with a port such as `127.0.0.1:8473`".to_owned()
        }
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out_whatever_they_contain() {
        let wrong = r#"invalid type: string "a, expected b", expected a sequence"#;
        assert_eq!(without_value(wrong), "the value is of the wrong kind, expected a sequence");
        assert_eq!(without_value("missing field `name`"), "missing field `name`");
        let address = without_value(&"8473".parse::<std::net::SocketAddr>().unwrap_err().to_string());
        assert_eq!(address, "the value is no address with a port such as `127.0.0.1:8473`");
    }
}
