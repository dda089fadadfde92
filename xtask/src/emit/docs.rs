//! Doc comments from the specs' prose.

/// `///` lines from paragraphs; absent ones are left out.
pub fn outer(paragraphs: &[Option<&str>]) -> String {
    lines(paragraphs, "///")
}

/// `//!` lines followed by an empty one.
pub fn inner(paragraphs: &[Option<&str>]) -> String {
    let text = lines(paragraphs, "//!");
    if text.is_empty() { text } else { format!("//!\n{text}\n") }
}

fn lines(paragraphs: &[Option<&str>], mark: &str) -> String {
    let present: Vec<&str> = paragraphs.iter().copied().flatten().filter(|text| !text.trim().is_empty()).collect();
    let mut output = String::new();
    for (index, paragraph) in present.into_iter().enumerate() {
        if index > 0 {
            output += &format!("{mark}\n");
        }
        for line in paragraph.trim().lines() {
            output += format!("{mark} {}", line.trim_end()).trim_end();
            output.push('\n');
        }
    }
    output
}

/// A list of conditions as a doc comment.
pub fn conditions<'a>(sentences: impl Iterator<Item = &'a String>) -> Option<String> {
    let items: Vec<String> = sentences.map(|sentence| format!("- {}", sentence.replace('\n', " "))).collect();
    if items.is_empty() { None } else { Some(items.join("\n")) }
}
