//! What the command line asks for.

use std::path::PathBuf;

/// What is shown for `--help` and after a mistake.
pub(crate) const USAGE: &str = "\
cargo xtask bench [WORKLOAD...] [OPTION...]

  --runs N          rounds; in each one all contenders take a turn, one after the other (default 5)
  --quick           an eighth of the amounts, for a look
  --nginx           with nginx as the peer; it has to be installed
  --all             with limit-write and limit-drop, which no goal needs
  --unsynced        our server with durability = \"none\"
  --json FILE       all figures as JSON as well; - for standard output, with the table on standard error
  --markdown FILE   a table of the goals for documents as well
  --folder FOLDER   where the data lies (default: in the target folder)
  --server PROGRAM  another build of our server instead of the present one
  --list            names and titles of the workloads
";

/// What is asked for.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Names of workloads; none for all.
    pub(crate) workloads: Vec<String>,
    /// How often each contender takes a turn.
    pub(crate) runs: usize,
    /// Smaller amounts.
    pub(crate) quick: bool,
    /// With nginx.
    pub(crate) nginx: bool,
    /// With all references.
    pub(crate) all: bool,
    /// Without durability.
    pub(crate) unsynced: bool,
    /// Where the JSON goes.
    pub(crate) json: Option<PathBuf>,
    /// Where the table for documents goes.
    pub(crate) markdown: Option<PathBuf>,
    /// Where the data lies.
    pub(crate) folder: Option<PathBuf>,
    /// Another server.
    pub(crate) server: Option<PathBuf>,
    /// Only the names.
    pub(crate) list: bool,
    /// Only the usage.
    pub(crate) help: bool,
}

impl Arguments {
    /// Reads the arguments.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { runs: 5, ..Self::default() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("a value must follow {word}"));
            match word.as_str() {
                // Cargo says so to whatever it runs as a benchmark.
                "--bench" => {}
                "--runs" => {
                    let runs = value()?;
                    arguments.runs = runs
                        .parse()
                        .ok()
                        .filter(|runs| *runs > 0)
                        .ok_or(format!("--runs {runs} is no number from 1 up"))?;
                }
                "--quick" => arguments.quick = true,
                "--nginx" => arguments.nginx = true,
                "--all" => arguments.all = true,
                "--unsynced" => arguments.unsynced = true,
                "--json" => arguments.json = Some(value()?.into()),
                "--markdown" => arguments.markdown = Some(value()?.into()),
                "--folder" => arguments.folder = Some(value()?.into()),
                "--server" => arguments.server = Some(value()?.into()),
                "--list" => arguments.list = true,
                "--help" | "-h" => arguments.help = true,
                option if option.starts_with('-') => return Err(format!("there is no option {option}")),
                _ => arguments.workloads.push(word),
            }
        }
        Ok(arguments)
    }

    /// Whether a workload is asked for, by its name in any case, or by its number alone: `w3` is all of W3.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let asked = |word: &String| {
            let word = word.to_lowercase();
            name == word || name.strip_prefix(&word).is_some_and(|rest| rest.starts_with('-'))
        };
        self.workloads.is_empty() || self.workloads.iter().any(asked)
    }
}
