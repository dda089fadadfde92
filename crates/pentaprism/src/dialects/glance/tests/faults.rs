//! The bytes of refusals, and which form a request gets.

use http::HeaderValue;

use super::*;

fn fault() -> Fault {
    Fault::new(ErrorStatus::NOT_FOUND, "The resource could not be found.")
}

fn form(accept: &[&'static str]) -> Form {
    let mut headers = HeaderMap::new();
    for line in accept {
        headers.append(ACCEPT, HeaderValue::from_static(line));
    }
    Form::of(&headers)
}

#[test]
fn the_documents_sample_is_met_to_the_byte() {
    let html = fault().html();
    assert_eq!(html.len(), 154);
    assert_eq!(
        html,
        "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  \
         The resource could not be found.<br /><br />\n\n\n\n </body>\n</html>"
    );
}

#[test]
fn plain_text_and_json_say_the_same() {
    assert_eq!(fault().plain(), "404 Not Found\n\nThe resource could not be found.\n\n   ");
    let json = serde_json::to_string(&fault().json()).unwrap();
    assert_eq!(
        json,
        r#"{"message":"The resource could not be found.<br /><br />\n\n\n","code":"404 Not Found","title":"Not Found"}"#
    );
}

#[test]
fn details_have_a_line_of_their_own() {
    let fault = Fault { detail: "a <b>\nc".to_owned(), ..Fault::new(ErrorStatus::FORBIDDEN, "No.") };
    assert_eq!(fault.plain(), "403 Forbidden\n\nNo.\n\n a <b> c  ");
    assert!(fault.html().contains("No.<br /><br />\na &lt;b&gt;\nc\n\n\n </body>"));
    assert_eq!(fault.json().message, "No.<br /><br />\na <b>\nc\n\n");
}

#[test]
fn html_escapes_and_the_others_do_not() {
    let fault = Fault::new(ErrorStatus::BAD_REQUEST, "<é> & \"it\" 'is'");
    assert!(fault.html().contains("&lt;&#233;&gt; &amp; &quot;it&quot; &#x27;is&#x27;<br />"));
    assert!(fault.plain().contains("<é> & \"it\" 'is'"));
    assert!(fault.json().message.starts_with("<é> & \"it\" 'is'<br />"));
}

#[test]
fn old_reason_phrases_are_kept() {
    assert!(Fault::new(ErrorStatus::PAYLOAD_TOO_LARGE, "").plain().starts_with("413 Request Entity Too Large\n"));
    let unsatisfiable = Fault::new(ErrorStatus::RANGE_NOT_SATISFIABLE, "");
    assert_eq!(unsatisfiable.json().code, "416 Request Range Not Satisfiable");
}

#[test]
fn accept_chooses_the_form() {
    for (accept, expected) in [
        (&[][..], Form::Plain),
        (&[""], Form::Plain),
        (&["*/*"], Form::Html),
        (&["text/html"], Form::Html),
        (&["text/*"], Form::Html),
        (&["Text/HTML; charset=utf-8"], Form::Html),
        (&["application/json"], Form::Json),
        (&["application/json, */*"], Form::Html),
        (&["application/json, */*;q=0.5"], Form::Json),
        (&["text/html;q=0.3", "application/json;q=0.7"], Form::Json),
        (&["text/html;q=0, */*"], Form::Json),
        (&["*/*;q=0"], Form::Plain),
        (&["text/html;q=2"], Form::Plain),
        (&["application/xml"], Form::Plain),
        (&["application/octet-stream"], Form::Plain),
        (&["nonsense"], Form::Plain),
    ] {
        assert_eq!(form(accept), expected, "{accept:?}");
    }
}

#[test]
fn only_a_piece_of_a_request_is_shown() {
    assert_eq!(shown("abc"), "abc");
    assert_eq!(shown(&"é".repeat(300)), format!("{}…", "é".repeat(255)));
}
