//! The text of an exchange file, line by line.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use super::{Answer, Block, Exchange, Expected, Given, ParseError, Payload, Progress, Sent, Step, Twist};

/// A mistake whose file is not known yet.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

impl Mistake {
    pub(super) fn new(line: usize, problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { line, problem: problem.into(), remedy }
    }

    pub(super) fn in_file(self, file: &str) -> ParseError {
        ParseError { file: file.to_owned(), line: self.line, problem: self.problem, remedy: self.remedy }
    }
}

/// Lines with their numbers, from 1.
type Lines<'t> = [(usize, &'t str)];

const BLOCKS: &str =
    "use `### request`, `### open request`, `### finish`, `### abort`, `### advance 5 s` or `### response`";

pub(super) fn file(text: &str) -> Result<Exchange, Mistake> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<(usize, &str)> = text.split('\n').enumerate().map(|(index, line)| (index + 1, line)).collect();
    let first = lines.iter().position(|(_, line)| is_mark(line)).unwrap_or(lines.len());
    let (comments, given) = preamble(&lines[..first])?;
    let mut blocks = Vec::new();
    let mut rest = &lines[first..];
    while let Some((mark, behind)) = rest.split_first() {
        let length = behind.iter().position(|(_, line)| is_mark(line)).unwrap_or(behind.len());
        blocks.push(block(*mark, &behind[..length])?);
        rest = &behind[length..];
    }
    Ok(Exchange { comments, given, blocks })
}

fn is_mark(line: &str) -> bool {
    line.starts_with("### ")
}

fn preamble(lines: &Lines<'_>) -> Result<(Vec<String>, Vec<Given>), Mistake> {
    let (mut comments, mut given) = (Vec::new(), Vec::new());
    for &(number, line) in lines {
        if let Some(comment) = line.strip_prefix('#') {
            comments.push(comment.trim().to_owned());
        } else if let Some(condition) = line.strip_prefix("given:") {
            given.push(condition_of(number, condition.trim())?);
        } else if !line.trim().is_empty() {
            let problem = format!("`{}` stands before the first block", line.trim());
            return Err(Mistake::new(number, problem, "write `# comment`, `given: …` or a `### ` line"));
        }
    }
    Ok((comments, given))
}

fn condition_of(number: usize, text: &str) -> Result<Given, Mistake> {
    if let Some(setting) = text.strip_prefix("setting ") {
        let Some((path, value)) = setting.split_once('=') else {
            return Err(Mistake::new(number, "the setting has no value", "write `given: setting path.to.key = value`"));
        };
        return Ok(Given::Setting(format!("{} = {}", path.trim(), value.trim())));
    }
    if let Some(limit) = text.strip_prefix("store session-ranges ").and_then(|limit| limit.trim().parse().ok()) {
        return Ok(Given::SessionRanges(limit));
    }
    if let Some(progress) =
        Progress::ALL.into_iter().find(|progress| text == format!("operations {}", progress.as_str()))
    {
        return Ok(Given::Operations(progress));
    }
    let twist = Twist::ALL.into_iter().find(|twist| twist.as_str() == text);
    let unknown = || {
        let remedy = "use `setting …`, `store read-only`, `store full`, `store fails`, `store hangs`, `catalog fails`, \
                      `catalog hangs`, `images private`, `operations waiting`, `operations started` or \
                      `store session-ranges 3`";
        Mistake::new(number, format!("`{text}` is nothing that can be given"), remedy)
    };
    twist.map(Given::Twist).ok_or_else(unknown)
}

fn block((line, mark): (usize, &str), lines: &Lines<'_>) -> Result<Block, Mistake> {
    let title = mark.trim_start_matches("### ").trim();
    let step = match title {
        "request" => Step::Request(request(line, lines)?),
        "open request" => Step::Open(request(line, lines)?),
        "response" => Step::Response(response(line, lines)?),
        _ => {
            let step = short_step(line, title)?;
            if let Some((number, stray)) = lines.iter().find(|(_, text)| !text.trim().is_empty()) {
                let problem = format!("`{stray}` belongs to no message");
                return Err(Mistake::new(*number, problem, "begin a block, or leave the line out"));
            }
            step
        }
    };
    Ok(Block { line, step })
}

fn short_step(line: usize, title: &str) -> Result<Step, Mistake> {
    match title.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
        ["finish"] => Ok(Step::Finish),
        ["abort"] => Ok(Step::Abort),
        ["advance", seconds, "s"] => match seconds.parse() {
            Ok(seconds) => Ok(Step::Advance(Duration::from_secs(seconds))),
            Err(_) => Err(Mistake::new(line, format!("`{seconds}` is no number of seconds"), BLOCKS)),
        },
        _ => Err(Mistake::new(line, format!("`### {title}` is no block"), BLOCKS)),
    }
}

/// The parts of a request or response.
struct Message<'t> {
    /// Where it begins.
    line: usize,
    first: &'t str,
    headers: Fields,
    body: Payload,
}

/// First line, header lines, body.
fn message<'t>(line: usize, lines: &Lines<'t>) -> Result<Message<'t>, Mistake> {
    let Some((first, behind)) = lines.split_first().filter(|(first, _)| !first.1.trim().is_empty()) else {
        return Err(Mistake::new(line, "the message is missing", "write it on the lines below"));
    };
    let blank = behind.iter().position(|(_, text)| text.is_empty()).unwrap_or(behind.len());
    let fields = behind[..blank].iter().map(|line| field(*line)).collect::<Result<Fields, Mistake>>()?;
    let body: Vec<&str> = behind.iter().skip(blank + 1).map(|(_, text)| *text).collect();
    let payload = match body.as_slice() {
        [] | [""] => Payload::empty(),
        lines => Payload::read(&lines.join("\n")).map_err(|problem| {
            let number = behind.get(blank + 1).map_or(line, |(number, _)| *number);
            Mistake::new(number, problem, "write text, `@repeat 1863 x` or `@base64 …`")
        })?,
    };
    Ok(Message { line: first.0, first: first.1.trim(), headers: fields, body: payload })
}

type Fields = Vec<(String, String)>;

fn field((number, line): (usize, &str)) -> Result<(String, String), Mistake> {
    let remedy = "write `Name: value`, and an empty line before the body";
    let Some((name, value)) = line.split_once(':') else {
        return Err(Mistake::new(number, format!("`{line}` is no header"), remedy));
    };
    let value = value.trim();
    if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_bytes(value.as_bytes()).is_err() {
        return Err(Mistake::new(number, format!("`{line}` cannot be sent as a header"), remedy));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn request(line: usize, lines: &Lines<'_>) -> Result<Sent, Mistake> {
    let Message { line: number, first, headers, body } = message(line, lines)?;
    let remedy = "write it as `PUT /path?query HTTP/1.1`";
    let wrong = |what: &str| Mistake::new(number, format!("`{first}` has no {what}"), remedy);
    let (method, rest) = first.split_once(' ').ok_or_else(|| wrong("target"))?;
    let (target, version) = rest.rsplit_once(' ').ok_or_else(|| wrong("version"))?;
    let version = match version {
        "HTTP/1.1" => Version::HTTP_11,
        "HTTP/1.0" => Version::HTTP_10,
        "HTTP/2" => Version::HTTP_2,
        _ => return Err(wrong("known version")),
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("method"))?;
    if !target.starts_with('/') || target.parse::<Uri>().is_err() {
        return Err(wrong("target that a URI can carry"));
    }
    Ok(Sent { method, target: target.to_owned(), version, headers, body })
}

fn response(line: usize, lines: &Lines<'_>) -> Result<Expected, Mistake> {
    let Message { line: number, first, headers, body } = message(line, lines)?;
    let bare = first.len() == 3;
    let text = if bare { first } else { first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or("") };
    let Some(status) = text.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok()) else {
        let problem = format!("`{first}` is no status line");
        return Err(Mistake::new(
            number,
            problem,
            "write `HTTP/1.1 204 No Content`, or `204` when only the status counts",
        ));
    };
    if !bare {
        return Ok(Expected::Whole(Answer { status, headers, body }));
    }
    if !headers.is_empty() || !body.is_empty() {
        let problem = "a bare status stands alone";
        return Err(Mistake::new(number, problem, "write the whole status line when headers and body count"));
    }
    Ok(Expected::Status(status))
}
