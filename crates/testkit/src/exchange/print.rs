//! Exchanges as text.

use http::Version;

use super::{Answer, Exchange, Expected, Given, Payload, Sent, Step};

pub(super) fn exchange(exchange: &Exchange) -> String {
    let mut text = String::new();
    for comment in &exchange.comments {
        text += format!("# {comment}").trim_end();
        text.push('\n');
    }
    for given in &exchange.given {
        let line = match given {
            Given::Setting(line) => format!("given: setting {line}\n"),
            Given::SessionRanges(limit) => format!("given: store session-ranges {limit}\n"),
            Given::Operations(progress) => format!("given: operations {}\n", progress.as_str()),
            Given::Twist(twist) => format!("given: {}\n", twist.as_str()),
        };
        text.push_str(&line);
    }
    text.push('\n');
    exchange.blocks.iter().fold(text, |text, block| text + &step(&block.step))
}

fn step(step: &Step) -> String {
    match step {
        Step::Request(request) => format!("### request\n{}", sent(request)),
        Step::Open(request) => format!("### open request\n{}", sent(request)),
        Step::Finish => "### finish\n".to_owned(),
        Step::Abort => "### abort\n".to_owned(),
        Step::Advance(by) => format!("### advance {} s\n", by.as_secs()),
        Step::Response(expected) => response_block(expected),
    }
}

pub(super) fn response_block(expected: &Expected) -> String {
    match expected {
        Expected::Status(status) => format!("### response\n{}\n", status.as_u16()),
        Expected::Whole(answer) => format!("### response\n{}", whole(answer)),
    }
}

fn sent(request: &Sent) -> String {
    let version = version_name(request.version);
    let line = format!("{} {} {version}\n", request.method, request.target);
    line + &fields(&request.headers) + &body(&request.body)
}

fn whole(answer: &Answer) -> String {
    let reason = answer.status.canonical_reason().unwrap_or("Unknown");
    let line = format!("HTTP/1.1 {} {reason}\n", answer.status.as_u16());
    line + &fields(&answer.headers) + &body(&answer.body)
}

fn fields(headers: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| format!("{name}: {value}").trim_end().to_owned() + "\n";
    headers.iter().map(line).collect()
}

fn body(body: &Payload) -> String {
    if body.is_empty() { String::new() } else { format!("\n{}\n", body.write()) }
}

pub(super) const fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
