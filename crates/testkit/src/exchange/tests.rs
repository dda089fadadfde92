//! The file format: what is read, what is refused and where, and that nothing is lost on the way.

use proptest::prelude::*;

use super::*;

const STORY: &str = "\
# An upload that is finished late.
given: setting glance.follow = \"service\"
given: store read-only

### open request
PUT /v2/images/1/file?x=%20y HTTP/1.1
Host: 127.0.0.1:8470
X-Empty:

@repeat 1863 x
### advance 1801 s
### request
GET /v2/images/1 HTTP/1.0
### response
200
### finish
### response
HTTP/1.1 500 Internal Server Error
Content-Type: text/plain

two
lines

";

fn parse(text: &str) -> Result<Exchange, String> {
    Exchange::parse("story.http", text).map_err(|error| error.to_string())
}

#[test]
fn a_story_is_read() {
    let exchange = parse(STORY).unwrap();
    assert_eq!(exchange.comments, ["An upload that is finished late."]);
    assert_eq!(
        exchange.given,
        [Given::Setting("glance.follow = \"service\"".to_owned()), Given::Twist(Twist::StoreReadOnly)]
    );
    let subject = exchange.subject();
    assert!(subject.open);
    assert_eq!((subject.request_index, subject.response_line), (0, 17));
    assert_eq!(subject.request.target, "/v2/images/1/file?x=%20y");
    assert_eq!(subject.request.header("x-empty"), Some(""));
    assert_eq!(subject.request.body, Payload::Repeat { count: 1863, byte: b'x' });
    assert_eq!(exchange.blocks[1].step, Step::Advance(Duration::from_secs(1801)));
    let Expected::Whole(answer) = subject.response else { panic!("the response is whole") };
    assert_eq!(answer.body.to_bytes(), "two\nlines\n");
}

#[test]
fn a_response_is_replaced_and_the_rest_stays() {
    let exchange = parse(STORY).unwrap();
    let Expected::Whole(answer) = exchange.subject().response.clone() else { panic!("the response is whole") };
    let answer = Answer { body: Payload::from(Bytes::from_static(b"\x00")), ..answer };
    let changed = Exchange::with_subject_response(STORY, &answer);
    assert!(changed.starts_with(STORY.split_inclusive("### finish\n").next().unwrap()));
    assert!(changed.ends_with("Content-Type: text/plain\n\n@base64 AA==\n"), "{changed}");
    assert_eq!(Exchange::with_subject_response(&changed, &answer), changed);
}

#[test]
fn headers_are_written_in_their_usual_capitals() {
    let response = http::Response::builder()
        .header("x-openstack-request-id", "r")
        .header("content-md5", "m")
        .header("date", "now");
    let answer = Answer::of(&response.body(Bytes::new()).unwrap());
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X-Openstack-Request-Id", "Content-MD5"]);
}

#[test]
fn mistakes_name_line_and_remedy() {
    let refused = |text: &str| parse(text).unwrap_err();
    let cases = [
        ("hello", "story.http:1: `hello` stands before the first block"),
        ("# a\ngiven: rain", "story.http:2: `rain` is nothing that can be given"),
        ("# a\n### pause", "story.http:2: `### pause` is no block"),
        ("# a\n### advance x s", "story.http:2: `x` is no number of seconds"),
        ("# a\n### request\n", "story.http:2: the message is missing"),
        ("# a\n### request\nGET / HTTP/3", "story.http:3: `GET / HTTP/3` has no known version"),
        ("# a\n### request\nGET a HTTP/1.1", "story.http:3: `GET a HTTP/1.1` has no target"),
        ("# a\n### request\nGET / HTTP/1.1\nHost", "story.http:4: `Host` is no header"),
        ("# a\n### request\nGET / HTTP/1.1\n\n@repeat x", "story.http:5: `@repeat` needs a count"),
        ("# a\n### request\nGET / HTTP/1.1\n### finish", "story.http:4: the request before it has no response"),
        ("# a\n### response\n200", "story.http:2: nothing is there to be answered"),
        ("# a\n### finish", "story.http:2: no request is open"),
        ("# a\n### open request\nGET / HTTP/1.1\n### abort", "story.http:4: the exchange has no subject"),
        ("# a\n### request\nGET / HTTP/1.1\n### response\n20", "story.http:5: `20` is no status line"),
        ("# a\n### request\nGET / HTTP/1.1\n### response\n200\nA: b", "story.http:5: a bare status stands alone"),
        ("### request\nGET / HTTP/1.1\n### response\n200", "story.http:1: nothing says what the exchange shows"),
    ];
    for (text, message) in cases {
        assert!(refused(text).starts_with(message), "{text:?} gives {}", refused(text));
    }
}

#[test]
fn file_names_hold_operation_status_and_condition() {
    let name = FileName::parse("upload_file_chunk.400-range-overlaps.http").unwrap();
    assert_eq!((name.operation.as_str(), name.status), ("upload_file_chunk", 400));
    assert_eq!(name.condition.as_deref(), Some("range-overlaps"));
    assert_eq!(name.to_string(), "upload_file_chunk.400-range-overlaps.http");
    for wrong in
        ["a.204.txt", "a.http", "A.204.http", "a.20.http", "a.204-.http", "a.204-X.http", "a.999.http", ".http"]
    {
        assert!(FileName::parse(wrong).is_err(), "{wrong}");
    }
}

fn payload() -> impl Strategy<Value = Payload> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Payload::from(Bytes::from(bytes)));
    let text = "(@|### )?[a-z\n\t#]{0,30}".prop_map(|text| Payload::from(Bytes::from(text)));
    prop_oneof![bytes, text, (0..200_u64, any::<u8>()).prop_map(|(count, byte)| Payload::repeat(count, byte))]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[A-Za-z][A-Za-z-]{0,8}", "([!-~]([ -~]{0,8}[!-~])?)?"), 0..4)
}

fn sent() -> impl Strategy<Value = Sent> {
    ("GET|PUT", "/[a-z0-9%/?=]{0,12}", headers(), payload()).prop_map(|(method, target, headers, body)| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Sent { method, target, version: Version::HTTP_11, headers, body }
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    (200..600_u16, headers(), payload()).prop_map(|(status, headers, body)| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body,
    })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let fault = prop::sample::select(&Twist::ALL[..]).prop_map(Given::Twist);
    let setting = "[a-z]{1,5}".prop_map(|key| Given::Setting(format!("{key} = \"a = b\"")));
    let ranges = any::<u64>().prop_map(Given::SessionRanges);
    let progress = prop::sample::select(&Progress::ALL[..]).prop_map(Given::Operations);
    let given = prop_oneof![fault, setting, ranges, progress];
    let steps = (sent(), sent(), answer(), any::<bool>()).prop_map(|(first, second, answer, open)| {
        let short = Expected::Status(answer.status);
        let pair = [Step::Request(second), Step::Response(short)];
        let before = if open { vec![Step::Open(first), Step::Advance(Duration::from_secs(5))] } else { Vec::new() };
        let after = if open { vec![Step::Finish, Step::Response(Expected::Whole(answer))] } else { Vec::new() };
        before.into_iter().chain(pair).chain(after).map(|step| Block { line: 0, step }).collect()
    });
    ("[A-Za-z]([ -~]{0,20}[a-z])?", prop::collection::vec(given, 0..3), steps)
        .prop_map(|(comment, given, blocks)| Exchange { comments: vec![comment], given, blocks })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_itself(exchange in exchange()) {
        let text = exchange.print();
        let mut read = parse(&text).unwrap();
        read.blocks.iter_mut().for_each(|block| block.line = 0);
        prop_assert_eq!(read, exchange, "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
        let _ = Exchange::parse("any", &text);
    }

    #[test]
    fn no_sequence_of_lines_makes_the_reader_panic(lines in prop::collection::vec(prop::sample::select(&[
        "# a", "given: store full", "given: setting a = b", "### request", "### open request", "### response", "### finish",
        "### abort", "### advance 3 s", "### ", "GET / HTTP/1.1", "HTTP/1.1 200 OK", "HTTP/1.1 2ä", "200", "A: b", "", "x", "@repeat 5 0x",
        "@repeat 5 é", "@base64 !", "@",
    ][..]), 0..16)) {
        let _ = Exchange::parse("any", &lines.join("\n"));
    }
}
