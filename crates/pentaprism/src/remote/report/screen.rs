//! The terminal that bars are drawn on.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// How far from the right edge the cursor waits, behind a frame that fills its last line. The `^C` with which a terminal answers
/// Ctrl-C would else begin a line of its own, and one line too few would be taken away.
const EDGE: usize = 4;

/// How wide a terminal is taken to be when it does not say.
const USUAL: u16 = 80;

/// Standard error.
#[derive(Debug)]
struct Screen {
    term: Term,
    /// Whether something was written since a line was last cleared.
    written: AtomicBool,
}

/// Where bars are drawn, so many times in a second; nowhere when standard error is no terminal.
pub(super) fn target(frames: u8) -> ProgressDrawTarget {
    // A frame is written at once, so that nothing flickers.
    let term = Term::buffered_stderr();
    if term.is_term() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Screen { term, written: AtomicBool::new(false) }), frames)
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// Columns for a line.
pub(super) fn columns() -> usize {
    usize::from(Term::stderr().size_checked().map_or(USUAL, |(_, columns)| columns))
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.written.store(true, Ordering::Relaxed);
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.written.store(true, Ordering::Relaxed);
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.written.store(false, Ordering::Relaxed);
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        if self.written.load(Ordering::Relaxed) {
            self.term.move_cursor_left(EDGE)?;
        }
        self.term.flush()
    }
}
