//! Whether the blocks of a file make a story that can be played.

use super::parse::Mistake;
use super::{Block, Exchange, Step};

/// What the next block may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Anything,
    Response,
}

/// Checks the order of the blocks.
pub(super) fn order(exchange: &Exchange) -> Result<(), Mistake> {
    let mut awaits = Awaits::Anything;
    let mut open = false;
    for Block { line, step } in &exchange.blocks {
        let wrong = |problem: &str, remedy| Err(Mistake::new(*line, problem, remedy));
        let is_response = matches!(step, Step::Response(_));
        match awaits {
            Awaits::Response if !is_response => {
                return wrong("the request before it has no response", "write `### response` after each request");
            }
            Awaits::Anything if is_response => {
                return wrong("nothing is there to be answered", "write `### request` or `### finish` before it");
            }
            _ => awaits = Awaits::Anything,
        }
        match step {
            Step::Open(_) if open => {
                return wrong("another request is open already", "finish or abort the first one before it");
            }
            Step::Finish | Step::Abort if !open => {
                return wrong("no request is open", "write `### open request` before it");
            }
            Step::Open(_) => open = true,
            Step::Abort => open = false,
            Step::Finish => {
                open = false;
                awaits = Awaits::Response;
            }
            Step::Request(_) => awaits = Awaits::Response,
            Step::Advance(_) | Step::Response(_) => {}
        }
    }
    let line = exchange.blocks.last().map_or(1, |block| block.line);
    if exchange.find_subject().is_none() {
        let remedy = "end the file with `### response`, the answer that it is about";
        return Err(Mistake::new(line, "the exchange has no subject", remedy));
    }
    if exchange.comments.is_empty() {
        return Err(Mistake::new(1, "nothing says what the exchange shows", "begin the file with a `# comment`"));
    }
    Ok(())
}
