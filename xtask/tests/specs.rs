//! What the loader says about wrong specs, and what the emitters make of a small right one.

use std::path::Path;

use xtask::{emit, spec};

const TOY: &str = include_str!("fixtures/toy.yaml");

const LISTS: &str = include_str!("fixtures/lists.yaml");
const RANGES: &str = include_str!("fixtures/ranges.yaml");
const NUMBERS: &str = include_str!("fixtures/numbers.yaml");
const QUERIES: &str = include_str!("fixtures/queries.yaml");
const REFUSALS: &str = include_str!("fixtures/refusals.yaml");

fn refusal(text: &str) -> String {
    spec::load("specs/toy.yaml", text).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

/// The toy spec with one piece replaced, which must be there.
fn changed(from: &str, to: &str) -> String {
    changed_of(TOY, from, to)
}

fn changed_of(fixture: &str, from: &str, to: &str) -> String {
    assert!(fixture.contains(from), "the fixture has no `{from}`");
    refusal(&fixture.replacen(from, to, 1))
}

/// One generated file of a fixture, formatted.
fn generated(fixture: &str, path: &str) -> String {
    let spec = spec::load("specs/toy.yaml", fixture).unwrap_or_else(|error| panic!("the fixture is right: {error}"));
    let files = emit::files(&[spec]);
    xtask::codegen::rustfmt(&workspace(), &files[Path::new(path)]).expect("it parses")
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
fn numbers_with_names_are_open_enums_and_odd_names_are_renamed() {
    insta::assert_snapshot!(generated(NUMBERS, "crates/core/src/generated/toy/models.rs"));
    let of = |from, to| changed_of(NUMBERS, from, to);
    let refusals = [
        of("      x-enum-varnames: [DeviceClaim, imageUpload, InvalidRequest]\n", ""),
        of("[DeviceClaim, imageUpload, InvalidRequest]", "[DeviceClaim]"),
        of("[DeviceClaim, imageUpload", "[DeviceClaim, deviceClaim"),
        of("[DeviceClaim, imageUpload", "[DeviceClaim, unknown"),
        of("[A device is claimed., An image comes in., Nothing.]", "[A device is claimed.]"),
        of("enum: [0, 7, 9]", "enum: [7, 7, 9]"),
        of("enum: [0, 7, 9]", "enum: [0, seven, 9]"),
        of("description: Kinds.", "description: Kinds.\n      x-closed: true"),
        of("        IsSuccess:", "        links: {type: string, description: More.}\n        IsSuccess:"),
        of("        2d:", "        additional:"),
        of("schema: {$ref: '#/components/schemas/Operation'}", "schema: {type: string, enum: [a, b]}"),
        of("items: {type: string}", "items: {type: string, enum: [a]}"),
    ];
    insta::assert_snapshot!("numbers_refused", refusals.join("\n"));
}

#[test]
fn bodies_may_be_lists_and_models_may_be_called_like_our_types() {
    insta::assert_snapshot!(generated(LISTS, "crates/core/src/generated/toy/start_operations.rs"));
    insta::assert_snapshot!("lists_models", generated(LISTS, "crates/core/src/generated/toy/models.rs"));
    let of = |from: &str, to: &str| refusal(&LISTS.replace(from, to));
    let refusals = [
        of("startOperations", "operation"),
        refusal(&LISTS.replace("schemas/Problem'", "schemas/Response'").replace("    Problem:", "    Response:")),
        of("Unknown", "Invalid"),
        of("code: {type: string,", "code: {$ref: '#/components/schemas/Operation',"),
        of("type: array, items: {$ref: '#/components/schemas/Operation'}", "type: array, items: {type: object}"),
    ];
    insta::assert_snapshot!("lists_refused", refusals.join("\n"));
}

#[test]
fn streams_may_have_a_range_of_types_and_case_may_not_count() {
    insta::assert_snapshot!(generated(RANGES, "crates/core/src/generated/toy/put_picture.rs"));
    insta::assert_snapshot!("ranges_models", generated(RANGES, "crates/core/src/generated/toy/models.rs"));
    insta::assert_snapshot!("ranges_mod", generated(RANGES, "crates/core/src/generated/toy/mod.rs"));
    insta::assert_snapshot!("ranges_testkit", generated(RANGES, "crates/testkit/src/generated/toy.rs"));
    let server = generated(RANGES, "crates/server/src/generated/toy.rs");
    assert!(server.contains("Result<(PutPictureOk, Option<Body>), Failure<PutPictureError>>"), "{server}");
    assert!(server.contains("name: \"pictures\""), "{server}");
    let any = RANGES.replace(
        "        description: The picture",
        "        x-any-content-type: true\n        description: The picture",
    );
    let any = generated(&any, "crates/core/src/generated/toy/put_picture.rs");
    assert!(any.contains("content_type: request.header(\"Content-Type\").unwrap_or_default()"), "{any}");
    let of = |from, to| changed_of(RANGES, from, to);
    let refusals = [
        of("schema: {type: string, format: binary}", "schema: {type: string}"),
        of("              schema: {type: string, format: binary}", "              schema: {type: string}"),
        of(
            "            image/*:\n              schema",
            "            text/plain: {}\n            image/*:\n              schema",
        ),
        of("        '*/*':\n", "        text/plain: {}\n        '*/*':\n"),
        of("{name: dpi,", "{name: Content-Type,"),
        of("drop-trailing", "drop-leading"),
        of("drop-trailing", "drop-trailing, drop-empty"),
        of("methods: [GET, PUT]", "methods: [GET, FETCH]"),
        of("methods: [GET, PUT]", "methods: []"),
        of("authorization, content-type", "authorization, content type"),
        of("max-age: 7200", "max-age: -1"),
        of("x-accept: image/*", "x-accept: everything"),
        of("max-age: 7200", "max_age: 7200"),
        of("x-fold-query: true", "x-fold-query: [pageSize]"),
    ];
    insta::assert_snapshot!("ranges_refused", refusals.join("\n"));
}

#[test]
fn raw_bodies_are_written_from_their_model_and_errors_print_what_their_summary_names() {
    insta::assert_snapshot!(generated(REFUSALS, "crates/core/src/generated/toy/put_note.rs"));
    insta::assert_snapshot!("refusals_models", generated(REFUSALS, "crates/core/src/generated/toy/models.rs"));
    let of = |from, to| changed_of(REFUSALS, from, to);
    let refusals = [
        of("[code, message, details]", "[code, mesage]"),
        of("[code, message, details]", "[code, size]"),
        of("[code, message, details]", "[origin]"),
        of("[code, message, details]", "[]"),
        of("[code, message, details]", "{code: message}"),
        of("enum: [gone, full]", "x-summary: [gone]\n      enum: [gone, full]"),
    ];
    insta::assert_snapshot!("refusals_refused", refusals.join("\n"));
}

#[test]
fn queries_may_have_lists_and_undeclared_names() {
    insta::assert_snapshot!(generated(QUERIES, "crates/core/src/generated/toy/list_things.rs"));
    let testkit = generated(QUERIES, "crates/testkit/src/generated/toy.rs");
    assert!(testkit.contains("whole_query: true"), "{testkit}");
    let of = |from, to| changed_of(QUERIES, from, to);
    let list = "{name: tag, in: query, description: Labels., schema: {type: array, items: {type: string}}}";
    let refusals = [
        of("{type: object, additionalProperties: {type: string}}", "{type: string}"),
        of("{type: object, additionalProperties: {type: string}}", "{type: object, additionalProperties: true}"),
        of("          x-undeclared-query: true\n", ""),
        of("          x-undeclared-query: true\n", "          x-undeclared-query: true\n          required: true\n"),
        of(list, "{name: tag, in: header, description: Labels., schema: {type: array, items: {type: string}}}"),
        of(
            list,
            "{name: tag, in: query, required: true, description: L., schema: {type: array, items: {type: string}}}",
        ),
        of(
            list,
            "{name: tag, in: query, description: L., schema: {type: array, items: {type: string, format: binary}}}",
        ),
        of(
            list,
            "{name: rest, in: query, description: R., x-undeclared-query: true, schema: {type: object, additionalProperties: {type: string}}}",
        ),
    ];
    insta::assert_snapshot!("queries_refused", refusals.join("\n"));
}

#[test]
fn head_is_answered_where_the_spec_says_so() {
    let get = "operationId: countToys";
    let router = |fixture: &str| generated(fixture, "crates/server/src/generated/toy.rs");
    assert!(!router(TOY).contains("\"HEAD\""));
    let both = router(&TOY.replacen(get, &format!("{get}\n      x-head: true"), 1));
    assert!(both.contains("&[(\"GET\", Route::CountToys), (\"HEAD\", Route::CountToys)]"), "{both}");
    let refusal = changed("operationId: putToy", "operationId: putToy\n      x-head: true");
    assert!(refusal.contains("`x-head` stands at an operation that is no GET"), "{refusal}");
}

#[test]
fn the_output_is_deterministic() {
    let load = || vec![spec::load("specs/toy.yaml", TOY).expect("the fixture is right")];
    assert_eq!(emit::files(&load()), emit::files(&load()));
}

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}
