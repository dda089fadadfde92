//! Azure Sphere uploads and downloads against a service by script: operations that end, fail, take long, or are elsewhere.

use serde_json::{Value, json};

use super::*;
use crate::credential::Credential;
use crate::upload::testing::{Script, Step, bytes, json as answer, leaping};

const TENANT: &str = "768c2cd6-1bf0-4521-9f53-084a331d81cb";
const OPERATION: &str = "0f0e0d0c-1bf0-4521-9f53-084a331d81cb";
const IMAGE: &str = "985453bb-eb5c-4ff2-8e06-aef4786ac445";

fn operation(state: i64) -> Value {
    let error = if state == 3 {
        json!({"Code": 7, "Message": "An image with the same ID already exists."})
    } else {
        Value::Null
    };
    let place = if state == 3 { Value::Null } else { json!(format!("/v2/tenants/{TENANT}/images/{IMAGE}")) };
    json!({"CompletedDateUTC": null, "CreatedDateUTC": "2026-01-02T03:04:05.678Z", "DetailsLocation": "/somewhere", "Error": error,
        "OperationId": OPERATION, "OperationType": 7, "ResourceLocation": place, "StartedDateUTC": null, "State": state,
        "TenantId": TENANT})
}

fn at(state: i64) -> Step {
    answer(200, &operation(state))
}

fn refused(status: u16) -> Step {
    answer(
        status,
        &json!([{"Detail": "no", "ErrorCode": "No", "Extensions": {}, "Instance": "", "Status": status, "Title": "No", "Type": ""}]),
    )
}

struct Run {
    outcome: Result<UploadedPackage, PackageUploadError>,
    lines: Vec<String>,
    pauses: Vec<u128>,
}

async fn upload(steps: impl IntoIterator<Item = Step>) -> Run {
    let (script, (retry, clock)) = (Script::new(steps), leaping());
    let client = client(&script).with_retry(retry);
    let outcome = client.upload_package(TENANT, "a package", &Polling::default()).await;
    let pauses = clock.pauses().iter().map(Duration::as_millis).collect();
    Run { outcome, lines: script.lines(), pauses }
}

fn client(script: &Script) -> AzureSphereClient<Script> {
    let base = "http://service.example".parse().unwrap();
    AzureSphereClient::new(script.clone(), base, Credential::bearer("secret").unwrap()).with_retry(leaping().0)
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end() {
    let run = upload([at(0), at(0), at(1), at(2)]).await;
    let uploaded = run.outcome.unwrap();
    assert_eq!(uploaded.image_id.map(|id| id.to_string()).as_deref(), Some(IMAGE));
    assert_eq!(uploaded.operation.state, OperationState::Complete);
    let ask = format!("GET /v2/tenants/{TENANT}/operations/{OPERATION}");
    assert_eq!(run.lines, [format!("POST /v2/tenants/{TENANT}/images"), ask.clone(), ask.clone(), ask]);
    assert_eq!(run.pauses, [200, 400, 800]);
    assert!(upload([at(2)]).await.outcome.is_ok(), "it may be complete at once");
}

#[tokio::test]
async fn an_image_that_is_only_announced_counts() {
    let mut silent = operation(2);
    silent["ResourceLocation"] = Value::Null;
    let uploaded = upload([at(1), answer(200, &silent)]).await.outcome.unwrap();
    assert_eq!(uploaded.image_id.map(|id| id.to_string()).as_deref(), Some(IMAGE));
    assert_eq!(upload([answer(200, &silent)]).await.outcome.unwrap().image_id, None);
    silent["ResourceLocation"] = json!(format!("https://prod.example/v2/images/{IMAGE}/?x=1"));
    assert!(upload([answer(200, &silent)]).await.outcome.unwrap().image_id.is_some());
}

#[tokio::test]
async fn a_failed_operation_says_why() {
    let error = upload([at(0), at(3)]).await.outcome.unwrap_err();
    assert_eq!(error.code(), Some(ErrorResponseCode::Conflict));
    let told = "the service did not make an image of the package: An image with the same ID already exists. (code 7, Conflict)";
    assert_eq!(error.to_string(), told);
    for state in [4, 9] {
        let error = upload([at(state)]).await.outcome.unwrap_err();
        assert!(error.to_string().ends_with(&format!("it says no reason (state {state})")), "{error}");
    }
}

#[tokio::test]
async fn a_slow_operation_is_given_up_after_ten_minutes() {
    let run = upload((0..66).map(|_| at(1))).await;
    let error = run.outcome.unwrap_err();
    assert!(matches!(error, PackageUploadError::Late { waited, .. } if waited == Duration::from_mins(10)), "{error:?}");
    assert_eq!(run.pauses.iter().sum::<u128>(), 600_000);
    assert_eq!(run.pauses[..7], [200, 400, 800, 1600, 3200, 6400, 10_000]);
}

#[tokio::test]
async fn the_second_path_is_taken_where_the_first_is_unknown() {
    let run = upload([at(0), bytes(404, &[("content-type", "text/html")], "<html>"), at(1), at(2)]).await;
    assert!(run.outcome.is_ok());
    let ask = format!("GET /v2/tenants/{TENANT}/operationTypes/imageUpload/operations/{OPERATION}");
    assert_eq!(run.lines[2..], [ask.clone(), ask], "and the first is not asked again");
    let error = upload([at(0), refused(404), refused(404)]).await.outcome.unwrap_err();
    assert!(matches!(error, PackageUploadError::PollUpload { .. }), "{error:?}");
    let error = upload([at(0), refused(401)]).await.outcome.unwrap_err();
    assert!(matches!(error, PackageUploadError::Poll { .. }), "{error:?}");
}

#[tokio::test]
async fn an_upload_is_not_sent_twice_and_a_question_is() {
    let run = upload([Step::Break]).await;
    assert!(matches!(run.outcome, Err(PackageUploadError::Upload { source: Error::Interrupted(_), .. })));
    let run = upload([at(0), Step::Break, bytes(503, &[], ""), at(2)]).await;
    assert!(run.outcome.is_ok());
    assert_eq!(run.lines.len(), 4);
    let run = upload([refused(400)]).await;
    assert!(matches!(run.outcome, Err(PackageUploadError::Upload { source: Error::Refused(_), .. })));
    // The answer breaks off, or is half of one.
    let run = upload([bytes(200, &[("content-type", "application/json")], &b"{\"State\":"[..])]).await;
    assert!(matches!(run.outcome, Err(PackageUploadError::Upload { source: Error::Undocumented { .. }, .. })));
}

#[tokio::test]
async fn the_only_tenant_is_chosen() {
    let tenants = |names: &[&str]| {
        let tenants: Vec<Value> = names.iter().map(|name| json!({"Id": TENANT, "Name": name, "Roles": []})).collect();
        Script::new([answer(200, &json!(tenants))])
    };
    assert_eq!(client(&tenants(&["a"])).only_tenant().await.unwrap().name, "a");
    assert!(matches!(client(&tenants(&[])).only_tenant().await, Err(TenantChoiceError::None)));
    let error = client(&tenants(&["a", "b"])).only_tenant().await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("name one of them: {TENANT} (a), {TENANT} (b)")), "{error}");
    let refused = client(&Script::new([refused(401)])).only_tenant().await;
    assert!(matches!(refused, Err(TenantChoiceError::List(_))));
}

#[tokio::test]
async fn a_package_is_read_behind_its_link() {
    let link = |uri: Value| answer(200, &json!({"IsSuccess": !uri.is_null(), "Uri": uri, "UriMessage": null}));
    let here = || link(json!("https://blob.example/x?sig=secret"));
    let script = Script::new([here(), bytes(200, &[("content-length", "9")], "a package")]);
    let download = client(&script).download_package(TENANT, IMAGE, 0).await.unwrap();
    assert_eq!((download.length, download.body.collect(10).await.unwrap().as_ref()), (Some(9), &b"a package"[..]));
    assert!(!script.seen()[1].headers.contains_key("authorization"));
    let script = Script::new([here(), bytes(206, &[("content-range", "bytes 2-8/9")], "package")]);
    assert_eq!(client(&script).download_package(TENANT, IMAGE, 2).await.unwrap().from, 2);
    for (steps, message) in [
        (vec![link(Value::Null)], format!("the service has no link to image {IMAGE}: it says no reason")),
        (vec![refused(404)], format!("the link to image {IMAGE} cannot be had")),
        (vec![here(), bytes(403, &[], "")], format!("image {IMAGE} cannot be read")),
    ] {
        let error = client(&Script::new(steps)).download_package(TENANT, IMAGE, 0).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
