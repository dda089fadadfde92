//! What the loader says about wrong specs, and what the emitters make of a small right one.

use std::path::Path;

use xtask::{emit, spec};

const TOY: &str = include_str!("fixtures/toy.yaml");

fn refusal(text: &str) -> String {
    spec::load("specs/toy.yaml", text).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

/// The toy spec with one piece replaced, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(TOY.contains(from), "the fixture has no `{from}`");
    refusal(&TOY.replacen(from, to, 1))
}

#[test]
fn a_wrong_spec_names_file_line_path_and_remedy() {
    let refusals = [
        changed("operationId: putToy", "operationID: putToy"),
        changed("required: [code]", "requried: [code]"),
        changed("required: [code]", "required: [kode]"),
        changed("schemas/Toy'", "schemas/Boat'"),
        changed("in: query", "in: cookie"),
        changed("components/responses/Broken", "components/responses/Brocken"),
        changed("type: integer, format: uint64", "type: integer"),
        changed("type: integer, format: uint64", "type: tuple"),
        changed("'201':", "'099':"),
        changed("409-taken", "taken"),
        changed("        default:\n          x-when", "        '500':\n          x-when"),
        changed("operationId: countToys", "operationId: putToy"),
        changed("'200':\n          description: The number.", "'404':\n          description: The number."),
        changed("/toys/{toyPath}/$/Count", "/toys/{where}/$/Count"),
        changed("[drop-empty, dollar]", "[drop-empty, euro]"),
        changed("openapi: 3.1.0", "openapi: 3.0.3"),
        changed("description: Its name.", "title: Its name."),
        changed("version: '1'", "version: 1"),
        changed("title: Toy store", "title: [Toy store"),
        changed("info:", "info: &anchor"),
        changed("  title: Toy store\n", "  title: Toy store\n  title: Toy store\n"),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn two_routes_that_match_the_same_requests_are_refused() {
    let second = TOY
        .replace("/toys/{toyPath}:", "/{kind}/small/{toyPath}:")
        .replace("- {name: toyPath, in: path", "- {name: kind, in: path, required: true, description: K., schema: {type: string}}\n        - {name: toyPath, in: path")
        .replace("/toys/{toyPath}/$/Count:", "/toys/{kind}/{toyPath}:");
    insta::assert_snapshot!(refusal(&second));
}

#[test]
fn the_emitters_write_readable_code() {
    let toy = spec::load("specs/toy.yaml", TOY).expect("the fixture is right");
    let files = emit::files(&[toy]);
    let shown = [
        "crates/core/src/generated/toy/models.rs",
        "crates/core/src/generated/toy/put_toy.rs",
        "crates/server/src/generated/toy.rs",
    ];
    for path in shown {
        let name = path.trim_start_matches("crates/").replace(['/', '.'], "_");
        let formatted = xtask::codegen::rustfmt(&workspace(), &files[Path::new(path)]).expect("it parses");
        insta::assert_snapshot!(name, formatted);
    }
}

#[test]
fn the_output_is_deterministic() {
    let load = || vec![spec::load("specs/toy.yaml", TOY).expect("the fixture is right")];
    assert_eq!(emit::files(&load()), emit::files(&load()));
}

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}
