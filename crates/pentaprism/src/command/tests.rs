//! What the help says, and what the command line refuses.

use clap::CommandFactory as _;

use super::*;
use crate::remote::address::Location;

fn help(of: Option<&str>) -> String {
    let mut command = CommandLine::command();
    command.build();
    let command = match of {
        Some(name) => command.find_subcommand_mut(name).unwrap(),
        None => &mut command,
    };
    command.clone().term_width(100).render_long_help().to_string()
}

#[test]
fn help_says_what_can_be_done() {
    insta::assert_snapshot!(help(None));
    insta::assert_snapshot!(help(Some("serve")));
    insta::assert_snapshot!(help(Some("gc")));
    insta::assert_snapshot!(help(Some("fsck")));
    insta::assert_snapshot!("cp", help(Some("cp")));
    for name in ["ls", "stat", "rm", "wait", "doctor", "completions", "man"] {
        // What is the same for all stands in the help of `cp`.
        let text = help(Some(name));
        let end = text.find("\nAddresses:").unwrap_or(text.len());
        let common = text.find("\nCommon options:").map(|start| start..text.find("\nExamples:").unwrap_or(end));
        let shown = common
            .map_or_else(|| text[..end].to_owned(), |common| text[..common.start].to_owned() + &text[common.end..end]);
        insta::assert_snapshot!(name, shown);
    }
}

#[test]
fn short_help_fits_on_a_small_terminal() {
    let mut command = CommandLine::command().term_width(80);
    let text = command.render_help().to_string();
    assert!(text.lines().count() <= 40, "{text}");
    let lines = help(None);
    assert!(lines.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn the_definition_is_sound() {
    CommandLine::command().debug_assert();
}

fn copy(line: &str) -> CopyArguments {
    match CommandLine::try_parse_from(line.split(' ')).unwrap().command {
        Command::Remote(RemoteCommand::Copy(arguments)) => *arguments,
        _ => panic!("not cp"),
    }
}

#[test]
fn the_last_place_of_cp_is_the_target() {
    let arguments = copy("pentaprism cp -r a b sf:Store --parallel 3 --timeout 1h30m --property a=b=c --property d=");
    assert_eq!(arguments.sources, [Location::Local("a".into()), Location::Local("b".into())]);
    assert_eq!(arguments.target, "sf:Store".parse().unwrap());
    assert_eq!(arguments.parallel.unwrap().get(), 3);
    assert_eq!(arguments.common.timeout.unwrap().as_secs(), 5400);
    assert_eq!(arguments.description.properties, [("a", "b=c"), ("d", "")].map(|(a, b)| (a.into(), b.into())));
    let arguments = copy("pentaprism cp glance:x -");
    assert!(RemoteCommand::Copy(Box::new(arguments)).writes_bytes());
}

#[test]
fn wrong_lines_are_explained() {
    for (line, part) in [
        ("pentaprism cp a", "<SOURCE>..."),
        ("pentaprism cp a blob:b", "`blob:` is none of the five services"),
        ("pentaprism cp a glance:b --force --no-clobber", "cannot be used with"),
        ("pentaprism cp a glance:b --property c", "write a name and a value with = between them"),
        ("pentaprism cp a glance:b --parallel 0", "invalid value '0'"),
        ("pentaprism ls a", "`a` is not at a service"),
        ("pentaprism ls glance: --sort age", "write name, size, status or modified"),
        ("pentaprism wait glance:b --timeout soon", "such as 90s, 5m or 2h"),
        ("pentaprism cp a glance:b --token secret", "unexpected argument '--token'"),
    ] {
        let error = CommandLine::try_parse_from(line.split(' ')).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(error.contains(part), "{line}: {error}");
    }
}
