//! A mistake in a spec: file, line, path, what is wrong and what to do.

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as messages name it, relative to the workspace.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Keys from the top of the file, joined by dots.
    pub path: String,
}

/// A mistake in a spec file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {}{problem}; {remedy}", .place.file, .place.line, prefix(&.place.path))]
pub struct SpecError {
    pub place: Place,
    pub problem: String,
    pub remedy: String,
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl SpecError {
    pub fn new(place: &Place, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.clone(), problem: problem.into(), remedy: remedy.into() }
    }
}
