//! What the errors of operations print of the words of the service, made fit for one line of a log.

use std::fmt;

use http::StatusCode;

/// What says something about a refusal: texts, and objects whose schema has an `x-summary`.
pub trait Summarize {
    /// Adds what it says, the most telling first.
    fn summarize(&self, summary: Summary) -> Summary;
}

/// What a refusal says, behind its status: `: ` and a text, as often as there is one. Nothing when it says nothing.
#[derive(Debug)]
pub struct Summary {
    /// What is printed before, and not repeated.
    status: String,
    line: String,
}

impl Summary {
    /// How much is shown of one text, in characters.
    const TEXT_LIMIT: usize = 300;

    /// Nothing yet, behind `status`.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status: status.to_string(), line: String::new() }
    }

    /// Adds what something says.
    #[must_use]
    pub fn with(self, source: &impl Summarize) -> Self {
        source.summarize(self)
    }

    /// Adds a text in one line: blanks count once, what would move a terminal's cursor or turn its text around is
    /// escaped, and a long text is cut.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        let mut text = text.trim();
        while let Some(rest) = text.strip_prefix(&self.status).filter(|rest| !rest.starts_with(char::is_alphanumeric)) {
            text = rest.trim_start();
        }
        if text.is_empty() {
            return self;
        }
        self.line.truncate(self.line.trim_end_matches('.').len());
        self.line += ": ";
        let (mut shown, mut blank) = (0, false);
        for character in text.chars() {
            if character.is_whitespace() {
                blank = true;
                continue;
            }
            if shown + usize::from(blank) >= Self::TEXT_LIMIT {
                self.line.push('…');
                break;
            }
            shown += 1 + usize::from(blank);
            if std::mem::take(&mut blank) {
                self.line.push(' ');
            }
            if is_invisible(character) {
                self.line.extend(character.escape_unicode());
            } else {
                self.line.push(character);
            }
        }
        self
    }

    /// Adds what a page says, without its tags.
    #[must_use]
    pub fn page(self, html: &str) -> Self {
        let (mut plain, mut rest) = (String::new(), html);
        while let Some((before, tag)) = rest.split_once('<') {
            plain = plain + before + " ";
            rest = tag.split_once('>').map_or("", |(_, after)| after);
        }
        plain += rest;
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")] {
            plain = plain.replace(entity, character);
        }
        self.text(&plain)
    }
}

/// Control characters, and those that set the direction of what follows.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line)
    }
}

impl Summarize for String {
    fn summarize(&self, summary: Summary) -> Summary {
        summary.text(self)
    }
}

impl<T: Summarize> Summarize for Option<T> {
    fn summarize(&self, summary: Summary) -> Summary {
        match self {
            Some(value) => value.summarize(summary),
            None => summary,
        }
    }
}

/// The first one: the others say more of the same.
impl<T: Summarize> Summarize for Vec<T> {
    fn summarize(&self, summary: Summary) -> Summary {
        match self.first() {
            Some(first) => first.summarize(summary),
            None => summary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> String {
        let summary = Summary::new(StatusCode::NOT_FOUND);
        texts.iter().fold(summary, |summary, text| summary.text(text)).to_string()
    }

    #[test]
    fn texts_stand_in_one_line_and_nothing_is_said_twice() {
        assert_eq!(texts(&[]), "");
        assert_eq!(texts(&["", " \n"]), "");
        assert_eq!(texts(&["ViewNotFound", "It is gone.", "Really."]), ": ViewNotFound: It is gone: Really.");
        assert_eq!(texts(&["404 Not Found\n\nNo image\thas\r\n this id\n\n   "]), ": No image has this id");
        assert_eq!(texts(&["404 Not Found"]), "");
        assert_eq!(texts(&["404 Not Founded"]), ": 404 Not Founded");
    }

    #[test]
    fn what_a_terminal_would_act_upon_is_escaped() {
        assert_eq!(texts(&["a\u{1b}[2J\0b \u{202e}c\u{e9}"]), ": a\\u{1b}[2J\\u{0}b \\u{202e}cé");
    }

    #[test]
    fn a_long_text_is_cut_where_its_limit_is() {
        let exact = "é".repeat(Summary::TEXT_LIMIT);
        assert_eq!(texts(&[&exact]), format!(": {exact}"));
        assert_eq!(texts(&[&format!("{exact}x")]), format!(": {exact}…"));
        assert_eq!(texts(&[&format!("{exact} x")]), format!(": {exact}…"));
        assert_eq!(texts(&[&format!("{exact}\n")]), format!(": {exact}"));
    }

    #[test]
    fn a_page_says_what_stands_between_its_tags() {
        let page = |html| Summary::new(StatusCode::NOT_FOUND).page(html).to_string();
        let html = "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  \
                    No image &lt;a&amp;lt;&#x27;<br /><br />\n\n </body>\n</html>";
        assert_eq!(page(html), ": No image <a&lt;'");
        assert_eq!(page("no end <of"), ": no end");
    }

    #[test]
    fn of_several_the_first_one_speaks_and_of_none_nobody() {
        let summary = Summary::new(StatusCode::NOT_FOUND).with(&None::<String>).with(&Vec::<String>::new());
        assert_eq!(summary.to_string(), "");
        assert_eq!(summary.with(&Some(vec!["one".to_owned(), "two".to_owned()])).to_string(), ": one");
    }
}
