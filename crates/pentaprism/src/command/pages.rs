//! What is made from the definition of the command line: completions for shells, and the manual.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::CommandLine;

/// What makes `shell` complete the command line.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "pentaprism", &mut text);
    text
}

/// The page of the whole program, in roff.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn manual() -> io::Result<Vec<u8>> {
    page(&whole())
}

/// Writes one page for the program and one for each command into `folder`, which is made when it is missing.
///
/// # Errors
/// What the operating system says of the folder or a file.
pub fn write_manual(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let whole = whole();
    write_page(folder, &whole)?;
    whole.get_subcommands().filter(|command| command.get_name() != "help").try_for_each(|command| {
        let name = format!("{}-{}", whole.get_name(), command.get_name());
        write_page(folder, &command.clone().display_name(name))
    })
}

fn whole() -> Command {
    let mut command = CommandLine::command().disable_help_subcommand(true);
    command.build();
    command
}

fn write_page(folder: &Path, command: &Command) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(folder.join(format!("{name}.1")), page(command)?)
}

/// What stands below the options keeps its lines, under a heading of its own for each part.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let below = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    write_parts(&mut text, &below.unwrap_or_default())?;
    Ok(text)
}

fn write_parts(to: &mut impl Write, below: &str) -> io::Result<()> {
    let mut literal = false;
    for line in below.lines() {
        let heading = line.strip_suffix(':').filter(|line| !line.starts_with(' '));
        if literal && heading.is_some() {
            writeln!(to, ".fi")?;
        }
        match heading {
            Some(heading) => writeln!(to, ".SH \"{}\"\n.nf", heading.to_uppercase())?,
            // A dot or a quotation mark at the beginning would be a request.
            None => writeln!(to, "\\&{}", line.replace('\\', "\\e").replace('-', "\\-"))?,
        }
        literal |= heading.is_some();
    }
    if literal { writeln!(to, ".fi") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_served() {
        for shell in clap::ValueEnum::value_variants() {
            let script = String::from_utf8(completions(*shell)).unwrap();
            assert!(script.contains("no-clobber"), "{shell}");
        }
    }

    #[test]
    fn the_manual_has_a_page_for_each_command() {
        let folder = tempfile::tempdir().unwrap();
        write_manual(&folder.path().join("man1")).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path().join("man1"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let commands = ["completions", "cp", "doctor", "fsck", "gc", "ls", "man", "rm", "serve", "stat", "wait"]
            .map(|name| format!("-{name}"));
        let expected: Vec<_> =
            commands.iter().map(String::as_str).chain([""]).map(|name| format!("pentaprism{name}.1")).collect();
        assert_eq!(names.len(), expected.len(), "{names:?}");
        assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
    }

    #[test]
    fn lines_of_examples_stay_lines() {
        let mut text = Vec::new();
        write_parts(&mut text, "Examples:\n  a --b\n.c\n\nExit codes:\n  0  done").unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            ".SH \"EXAMPLES\"\n.nf\n\\&  a \\-\\-b\n\\&.c\n\\&\n.fi\n.SH \"EXIT CODES\"\n.nf\n\\&  0  done\n.fi\n"
        );
    }
}
