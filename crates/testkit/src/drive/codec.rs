//! The codec drive: decode, encode, and nothing is lost.

use std::fmt::Debug;

use bytes::Bytes;
use http::Response;
use pentaprism_core::{InvalidResponse, Message, MessageView, Operation};

use super::{DriveError, Locate, Verdict, decode, unsendable};
use crate::compare;
use crate::exchange::Answer;

pub(super) fn play<O>(answer: &Answer, input: Result<O, String>, locate: Locate) -> Result<Verdict, DriveError>
where
    O: Operation + PartialEq + Debug,
{
    response::<O>(answer)?;
    match input {
        Ok(input) => request(&input, locate),
        Err(reason) => Ok(Verdict::ResponseOnly(reason)),
    }
}

fn request<O>(input: &O, locate: Locate) -> Result<Verdict, DriveError>
where
    O: Operation + PartialEq + Debug,
{
    let written = match input.to_request() {
        Ok(request) => request,
        Err(invalid) => {
            let failed = || DriveError::RequestRoundTrip(invalid.to_string());
            return unsendable(&invalid).map(Verdict::ResponseOnly).ok_or_else(failed);
        }
    };
    let (head, body) = written.into_parts();
    let again = decode::<O>(locate, &head, &body)?.map_err(DriveError::RequestRoundTrip)?;
    if again == *input {
        return Ok(Verdict::Both);
    }
    Err(DriveError::RequestRoundTrip(format!("  - {input:?}\n  + {again:?}")))
}

fn response<O: Operation>(answer: &Answer) -> Result<(), DriveError> {
    let given = answer.to_http();
    let typed = retyped::<O>(&given).map_err(|invalid| DriveError::Undocumented(invalid.to_string()))?;
    compare::difference(&given, &typed).map_or(Ok(()), |report| Err(DriveError::Response(report)))
}

/// The response as its typed value writes it again.
fn retyped<O: Operation>(given: &Response<Bytes>) -> Result<Response<Bytes>, InvalidResponse> {
    let (head, body) = given.clone().into_parts();
    if !O::Ok::documents(head.status) {
        return O::Error::from_response(&MessageView { head: &head, body: &body }).map(Message::into_response);
    }
    if O::INFO.streamed_response {
        let view = MessageView { head: &head, body: &Bytes::new() };
        return O::Ok::from_response(&view).map(|ok| ok.into_response().map(|_| body));
    }
    O::Ok::from_response(&MessageView { head: &head, body: &body }).map(Message::into_response)
}
