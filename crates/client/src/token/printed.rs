//! What programs print when they are asked for a token: a bare line, or one of the JSON objects of the field.

use std::time::{Duration, SystemTime};

use pentaprism_core::Timestamp;
use serde_json::Value;

use super::Token;

/// `az account get-access-token`, OAuth answers, `gcloud`, `openstack token issue -f json`; the first that is there counts.
const SECRETS: [&str; 4] = ["accessToken", "access_token", "token", "id"];
/// Moments, in seconds since 1970 or as RFC 3339. `az` writes `expiresOn` in local time without an offset, which is no moment, and
/// `expires_on` beside it since 2.54.
const MOMENTS: [&str; 7] =
    ["expires_on", "expiresOn", "expires_at", "expires", "token_expiry", "expirationTimestamp", "expiry"];
/// Objects in which `gcloud config config-helper` and plug-ins of Kubernetes put the token.
const WITHIN: [&str; 2] = ["credential", "status"];

/// The token in a program's output. `now` is when the program was started.
pub(super) fn token(output: &[u8], now: SystemTime) -> Option<Token> {
    let text = std::str::from_utf8(output).ok()?.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        let line = text.lines().next()?.trim();
        return (!line.is_empty()).then(|| Token::new(line, None));
    }
    let whole: Value = serde_json::from_str(text).ok()?;
    let inner = WITHIN.iter().filter_map(|key| whole.get(key));
    std::iter::once(&whole).chain(inner).find_map(|object| {
        let secret = SECRETS.iter().find_map(|key| object.get(key)?.as_str())?;
        (!secret.is_empty()).then(|| Token::new(secret, end(object, now)))
    })
}

/// When the token of a JSON object ends, if it says so.
fn end(object: &Value, now: SystemTime) -> Option<SystemTime> {
    let moment = MOMENTS.iter().find_map(|key| moment(object.get(key)?));
    moment.or_else(|| now.checked_add(seconds(object.get("expires_in")?)?))
}

fn moment(value: &Value) -> Option<SystemTime> {
    match seconds(value) {
        Some(seconds) => SystemTime::UNIX_EPOCH.checked_add(seconds),
        None => date(value.as_str()?),
    }
}

/// A number of seconds, or the digits of one.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number).ok()
}

/// RFC 3339; also with an offset without its colon, as the `openstack` command writes it.
pub(super) fn date(text: &str) -> Option<SystemTime> {
    let moment = text.parse::<Timestamp>().ok().or_else(|| {
        let (start, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        format!("{start}:{minutes}").parse().ok()
    })?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(moment.milliseconds()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Option<(String, Option<u64>)> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let token = token(output.as_bytes(), now)?;
        let end = token.expires().map(|end| end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        Some((token.secret().to_owned(), end))
    }

    #[test]
    fn a_bare_line_is_a_token_without_an_end() {
        assert_eq!(read("abc\nmore\n"), Some(("abc".to_owned(), None)));
        assert_eq!(read("\u{feff}abc\r\n"), Some(("abc".to_owned(), None)));
        for nothing in ["", "\n", "\nabc", "  \n"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_objects_of_the_field_are_understood() {
        let cases = [
            // az, since 2.54 and before.
            (
                r#"{"accessToken":"t","expiresOn":"2026-11-21 12:00:00.000000","expires_on":1795221759,"tokenType":"Bearer"}"#,
                Some(1_795_221_759),
            ),
            (r#"{"accessToken":"t","expiresOn":"2026-11-21 12:00:00.000000","tokenType":"Bearer"}"#, None),
            // openstack token issue -f json
            (r#"{"expires":"2026-11-21T00:42:39+0000","id":"t","project_id":"p","user_id":"u"}"#, Some(1_795_221_759)),
            // An OAuth answer, with a number and with digits.
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":3599}"#, Some(4599)),
            (r#"{"access_token":"t","expires_in":"3599"}"#, Some(4599)),
            // gcloud config config-helper, and a plug-in of Kubernetes.
            (
                r#"{"configuration":{},"credential":{"access_token":"t","token_expiry":"2026-11-21T00:42:39Z"}}"#,
                Some(1_795_221_759),
            ),
            (
                r#"{"kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2026-11-21T00:42:39Z"}}"#,
                Some(1_795_221_759),
            ),
            ("\n {\"token\": \"t\", \"expires_on\": \"1795221759\"}\n", Some(1_795_221_759)),
            // Numbers that are no time are no end.
            (r#"{"token":"t","expires_in":-5}"#, None),
            (r#"{"token":"t","expires_in":1e300}"#, None),
        ];
        for (output, end) in cases {
            assert_eq!(read(output), Some(("t".to_owned(), end)), "{output}");
        }
    }

    #[test]
    fn an_object_without_a_token_is_none() {
        for nothing in [r#"{"token":""}"#, r#"{"token":7}"#, r#"{"error":"x"}"#, "{", r#"{"token":"t"} and more"#] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
