//! Real programs, of the smallest kind.

use super::super::tests::{Hand, end, words};
use super::*;

fn env<const N: usize>(arguments: [&str; N]) -> CommandToken {
    CommandToken::new("/usr/bin/env").arguments(arguments).with_clock(Hand::at(1000))
}

async fn failure(command: CommandToken) -> String {
    words(&command.token(None).await.unwrap_err())
}

#[tokio::test]
async fn the_first_line_is_the_token() {
    let token = env(["printf", "%s\\n", "s3cret token", "more"]).token(None).await.unwrap();
    assert_eq!((token.secret(), end(&token)), ("s3cret token", None));
}

#[tokio::test]
async fn a_json_object_also_tells_the_end() {
    let token = env(["printf", "%s", r#"{"access_token":"s3cret","expires_in":3600}"#]).token(None).await.unwrap();
    assert_eq!((token.secret(), end(&token)), ("s3cret", Some(4600)));
}

#[tokio::test]
async fn no_shell_reads_the_arguments_and_nothing_is_on_standard_input() {
    let token = env(["printf", "%s", "$(id);`id`"]).token(None).await.unwrap();
    assert_eq!(token.secret(), "$(id);`id`");
    // `cat` ends at once, without a word.
    assert!(failure(env(["cat"])).await.contains("there is no token in its output"));
}

#[tokio::test]
async fn a_failure_is_told_with_the_last_complaint() {
    let said = failure(env(["ls", "/nowhere-\u{1b}[2J-at-all"])).await;
    assert!(said.starts_with("the command /usr/bin/env gave no token | it ended with exit status: 2: "), "{said}");
    assert!(said.contains("nowhere-") && !said.contains('\u{1b}'), "{said}");
    assert_eq!(failure(env(["false"])).await, "the command /usr/bin/env gave no token | it ended with exit status: 1");
}

#[tokio::test]
async fn what_was_printed_is_never_shown() {
    // It prints the first file, then fails at the second.
    let said = failure(env(["cat", "/proc/sys/kernel/ostype", "/nowhere"])).await;
    assert!(said.contains("/nowhere") && !said.contains("Linux"), "{said}");
    assert_eq!(complaint(b"+ echo s3cret\n\n", b"s3cret\n").as_deref(), Some("+ echo …"));
    assert_eq!(complaint(b"got s3cret\n", br#"{"token": "s3cret"}"#).as_deref(), Some("got …"));
    assert_eq!(complaint(b"first\n last \n\n", b"").as_deref(), Some("last"));
    assert_eq!(complaint(b"\n", b""), None);
}

#[tokio::test]
async fn only_the_end_of_many_complaints_is_kept() {
    let mut many = b"x\n".repeat(100_000);
    many.extend_from_slice(b"the last");
    let kept = last_bytes(many.as_slice()).await;
    assert_eq!(kept.len(), COMPLAINT_LIMIT);
    assert!(kept.ends_with(b"x\nthe last"));
}

#[tokio::test]
async fn a_program_that_complains_a_lot_does_not_get_stuck() {
    // More than a pipe holds.
    let missing: Vec<String> = (0..3000).map(|count| format!("/nowhere/to-be-found/{count}")).collect();
    let command = CommandToken::new("ls").arguments(["-U"]).arguments(missing).with_clock(Hand::at(1000));
    let said = failure(command).await;
    assert!(said.contains("it ended with exit status: 2: ") && said.contains("/nowhere/to-be-found/2999"), "{said}");
}

#[tokio::test]
async fn output_without_end_is_cut_off() {
    let said = failure(env(["yes"])).await;
    assert!(said.ends_with("it printed more than 65536 bytes; it must print a token and no more"), "{said}");
    let most = "x".repeat(OUTPUT_LIMIT);
    assert_eq!(bounded(most.as_bytes()).await.unwrap().len(), OUTPUT_LIMIT);
    assert!(matches!(bounded(format!("{most}x").as_bytes()).await, Err(CommandError::TooLong { .. })));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let said = failure(CommandToken::new("/nowhere/print-token").arguments(["s3cret"])).await;
    assert!(said.starts_with("the command /nowhere/print-token gave no token | it cannot be started | "), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_that_takes_too_long_is_ended() {
    const LOOKS: usize = 10_000;
    let running = |arguments: &str| {
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes
            .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
            .any(|line| line == arguments.as_bytes())
    };
    let clock = Hand::impatient();
    let command = CommandToken::new("sleep").arguments(["86399.25"]).with_clock(clock.clone());
    let said = failure(command.with_deadline(Duration::from_secs(7))).await;
    assert!(said.contains("it was not done within 7 seconds and was ended"), "{said}");
    assert_eq!(*clock.pauses.lock().unwrap(), [Duration::from_secs(7)]);
    assert!(!running("sleep\x0086399.25\0"));
    // The look at the processes does find one that is there.
    let mut child = Command::new("sleep").arg("86399.5").kill_on_drop(true).spawn().unwrap();
    let seen = std::iter::repeat_with(|| running("sleep\x0086399.5\0")).take(LOOKS).any(|seen| seen);
    assert!(seen, "a program shows its arguments a moment after it was started");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn debug_shows_no_arguments() {
    assert!(!format!("{:?}", env(["--password", "s3cret"])).contains("s3cret"));
}
