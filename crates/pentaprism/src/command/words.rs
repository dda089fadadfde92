//! What the help says beyond options: addresses, profiles, environment, exit codes, and examples.

/// Below the short help of the whole program.
pub(super) const OVERVIEW: &str = "\
First steps:
  pentaprism serve                        a server with a development token
  pentaprism cp disk.raw glance:disk      upload to it
  pentaprism ls glance:                   see what is there
  pentaprism cp glance:disk copy.raw      download

`pentaprism --help` explains addresses, profiles, environment and exit codes.";

const ADDRESSES: &str = "\
Addresses:
  glance:NAME_OR_ID           an image of OpenStack Glance
  sphere:[IMAGE_ID]           an image package of Azure Sphere
  views:VIEW_ID[/thumbnail]   the picture of a saved view
  pingone:[IMAGE_ID]          a picture of PingOne
  sf:PATH                     a file or folder of Service Fabric's image store
  PROFILE/…                   each of them at the services of a named profile
  -                           standard input or output
  Anything else is a file. A file whose name looks like an address is written
  with ./ before it, such as ./sf:notes.";

const PROFILES: &str = "\
Profiles:
  A file in TOML says where services are and how they are entered. It is
  pentaprism/profiles.toml in $XDG_CONFIG_HOME or ~/.config, unless --profiles
  or PENTAPRISM_PROFILES names another:

    [production]
    server = \"https://images.example.org\"
    token_command = [\"pass\", \"images\"]
    ca = \"company.pem\"

  `pentaprism doctor production` says whether that works, and what is wrong.";

const ENVIRONMENT: &str = "\
Environment:
  PENTAPRISM_SERVER      server of addresses without a profile
  PENTAPRISM_TOKEN       its token; tokens are never given on the command line
  PENTAPRISM_PROFILES    file with profiles
  OS_CLOUD, OS_*         what OpenStack's clients take, for Glance
  HTTPS_PROXY, NO_PROXY  proxies (also HTTP_PROXY and ALL_PROXY)
  NO_COLOR               no colours
  Without any of them, addresses without a profile mean a server that
  `pentaprism serve` runs on this machine, with its development token.";

const EXIT_CODES: &str = "\
Exit codes:
  0  done                            7  the service failed
  1  something else                  8  the service cannot be reached
  2  wrong command line or settings  9  broken off, or time ran out
  3  not found                      10  bytes differ
  4  not allowed                    11  the service cannot do that
  5  in the way of something there  12  trouble with a local file
  6  refused                       130  interrupted
  When several things failed, the code is that of the first.";

/// What the exit codes of `fsck` mean.
pub(super) const FSCK_EXIT_CODES: &str = "\
Exit codes:
  0  nothing is wrong                    3  all that was wrong is repaired
  1  it could not be checked             4  something is wrong still
  2  wrong command line";

/// Examples of `cp`.
pub(super) const COPY_EXAMPLES: &str = "\
Examples:
  pentaprism cp disk.raw glance:disk
  pentaprism cp --disk-format qcow2 --property os_distro=debian disk.qcow2 glance:debian
  pentaprism cp --to-png pingone:3c2a… views:ACZb…
  pentaprism cp -r --parallel 4 App production/sf:Store/App
  pentaprism cp --resume large.zip sf:Store/large.zip
  pentaprism cp sf:Store/large.zip - | sha256sum";

/// Examples of `ls`.
pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  pentaprism ls glance:
  pentaprism ls -l --sort size:desc --limit 10 glance:
  pentaprism ls -r sf:Store
  pentaprism ls --json views: | jq -r .address";

/// Examples of `stat`.
pub(super) const STAT_EXAMPLES: &str = "\
Examples:
  pentaprism stat glance:disk sf:Store/App.zip
  pentaprism stat --json glance:disk | jq -r .checksums.sha512";

/// Examples of `rm`.
pub(super) const REMOVE_EXAMPLES: &str = "\
Examples:
  pentaprism rm glance:disk
  pentaprism rm -r sf:Store/App
  pentaprism rm -r views:ACZb…";

/// Examples of `wait`.
pub(super) const WAIT_EXAMPLES: &str = "\
Examples:
  pentaprism wait --timeout 5m glance:disk
  pentaprism wait --gone glance:disk";

/// Examples of `doctor`.
pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  pentaprism doctor
  pentaprism doctor --write production";

/// Examples of `completions`.
pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  pentaprism completions bash > ~/.local/share/bash-completion/completions/pentaprism
  pentaprism completions fish > ~/.config/fish/completions/pentaprism.fish
  pentaprism completions zsh > ~/.zfunc/_pentaprism";

/// Examples of `man`.
pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  pentaprism man | man -l -
  pentaprism man --folder ~/.local/share/man/man1";

/// What is below the long help of the whole program.
pub(super) fn everything() -> String {
    [OVERVIEW.rsplit_once("\n\n").map_or(OVERVIEW, |(steps, _)| steps), ADDRESSES, PROFILES, ENVIRONMENT, EXIT_CODES]
        .join("\n\n")
}

/// What is below the long help of a command that works with services.
pub(super) fn with_rules(examples: &str) -> String {
    [examples, ADDRESSES, EXIT_CODES, "`pentaprism --help` explains profiles and environment."].join("\n\n")
}
