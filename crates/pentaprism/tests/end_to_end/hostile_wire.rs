//! Requests that no client library would send, over bare sockets, and whether their answers are documented ones.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, response};
use pentaprism_core::dialects::azure_sphere::image_upload::ImageUpload;
use pentaprism_core::dialects::pingone::create_image::CreateImage;
use pentaprism_core::dialects::saved_views::create_saved_view::CreateSavedView;
use pentaprism_core::dialects::saved_views::update_image::UpdateImage;
use pentaprism_core::{Message as _, MessageView, Operation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// How long an answer may take: far longer than it takes, and shorter than a test may hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which upload is attacked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Package,
    Picture,
    View,
    Logo,
}

/// How a body travels.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    /// With its length.
    Whole(Vec<Bytes>),
    /// Without a length, in one chunk.
    Chunked(Bytes),
    /// With another length than it has; the rest never comes, and the connection stays open.
    Announced(u64, Bytes),
    /// The same, and then the client is gone.
    Broken(u64, Bytes),
}

/// A hostile upload, and the statuses that may answer it: none where the request never ends, so that there need be no answer.
#[derive(Debug, Clone)]
pub(crate) struct Attack {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) sent: Sent,
    pub(crate) expected: &'static [u16],
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) head: response::Parts,
    pub(crate) body: Bytes,
}

impl Attack {
    /// Sends it, and says what is wrong with the answer.
    pub(crate) async fn carry_out(&self, server: SocketAddr) -> Result<(), String> {
        let done = timeout(PATIENCE, exchange(server, &self.head(), &self.sent)).await;
        let answer = done.map_err(|_| format!("{}: no answer in {PATIENCE:?}", self.name))?;
        match answer {
            None if self.expected.is_empty() => Ok(()),
            // What broke off is no request of any operation.
            Some(answer) if self.expected.is_empty() && answer.head.status == StatusCode::BAD_REQUEST => Ok(()),
            None => Err(format!("{}: the connection was cut", self.name)),
            Some(answer) => self.judge(&answer).map_err(|wrong| format!("{}: {wrong}", self.name)),
        }
    }

    fn judge(&self, answer: &Answer) -> Result<(), String> {
        let status = answer.head.status.as_u16();
        if !self.expected.is_empty() && !self.expected.contains(&status) {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(format!("{status} instead of {:?}: {said}", self.expected));
        }
        match self.target {
            Target::Package => documented::<ImageUpload>(answer),
            Target::Picture => documented::<UpdateImage>(answer),
            Target::View => documented::<CreateSavedView>(answer),
            Target::Logo => documented::<CreateImage>(answer),
        }
    }

    fn head(&self) -> String {
        let line = match self.target {
            Target::Package => "POST /v2/tenants/768c2cd6-1bf0-4521-9f53-084a331d81cb/images",
            Target::Picture => {
                "PUT /savedviews/ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ/image"
            }
            Target::View => "POST /savedviews",
            Target::Logo => "POST /v1/environments/abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6/images",
        };
        let framing = match &self.sent {
            Sent::Whole(pieces) => format!("Content-Length: {}", pieces.iter().map(Bytes::len).sum::<usize>()),
            Sent::Chunked(_) => "Transfer-Encoding: chunked".to_owned(),
            Sent::Announced(length, _) | Sent::Broken(length, _) => format!("Content-Length: {length}"),
        };
        format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer pentaprism-dev\r\n{framing}\r\n\r\n")
    }
}

/// Whether an answer has a documented status and the documented body.
fn documented<O: Operation>(answer: &Answer) -> Result<(), String> {
    let view = MessageView { head: &answer.head, body: &answer.body };
    let read = if O::Ok::documents(answer.head.status) {
        O::Ok::from_response(&view).map(drop)
    } else {
        O::Error::from_response(&view).map(drop)
    };
    read.map_err(|wrong| format!("{wrong}: {:?} {:?}", answer.head, answer.body))?;
    if answer.body.is_empty() || view.is("application/json") {
        return Ok(());
    }
    Err(format!("a body of another type than JSON: {:?}", answer.head))
}

/// Sends and reads at the same time, since answers may come before the end of the request.
async fn exchange(server: SocketAddr, head: &str, sent: &Sent) -> Option<Answer> {
    let stream = TcpStream::connect(server).await.expect("the server takes connections");
    let (mut reader, mut writer) = stream.into_split();
    let (answer, ()) = tokio::join!(read(&mut reader), async {
        // The server may have heard enough; what it says then is in its answer.
        let _heard_enough = write(&mut writer, head, sent).await;
    });
    answer
}

async fn write(writer: &mut OwnedWriteHalf, head: &str, sent: &Sent) -> std::io::Result<()> {
    writer.write_all(head.as_bytes()).await?;
    match sent {
        Sent::Whole(pieces) => {
            for piece in pieces {
                writer.write_all(piece).await?;
            }
        }
        Sent::Chunked(body) => {
            writer.write_all(format!("{:x}\r\n", body.len()).as_bytes()).await?;
            writer.write_all(body).await?;
            writer.write_all(b"\r\n0\r\n\r\n").await?;
        }
        Sent::Announced(_, body) => writer.write_all(body).await?,
        Sent::Broken(_, body) => {
            writer.write_all(body).await?;
            writer.shutdown().await?;
        }
    }
    Ok(())
}

/// The answer; none when the connection ends before it does.
async fn read(reader: &mut OwnedReadHalf) -> Option<Answer> {
    let mut bytes = Vec::new();
    loop {
        if let Some((head, begin)) = parsed(&bytes) {
            let length = head.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
            if let Some(body) = bytes.get(begin..begin + length.unwrap_or(0usize)) {
                return Some(Answer { head, body: Bytes::copy_from_slice(body) });
            }
        }
        match reader.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// The head of an answer that is there as a whole, and where its body begins.
fn parsed(bytes: &[u8]) -> Option<(response::Parts, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..end]).expect("heads are text");
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header has a name");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name is one");
        headers.append(name, HeaderValue::from_str(value).expect("the value is text"));
    }
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::from_bytes(status.as_bytes()).expect("the status is one");
    head.headers = headers;
    Some((head, end + 4))
}
