//! Remote read: the samples of series as they are stored, for a Prometheus that asks us.

use axum::body::Bytes;
use axum::extract::State as With;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base::Limit;
use promql::histogram::ResetHint;
use promql::{FloatSample, HistogramSample, Labels, MatchOp, Matcher, StoredSeries};
use query::Read;
use re2::Room;
use wire::body::Encoding;
use wire::remote_read::{
    Answer, Chunk as Samples, FloatHistogram, Form, LabelMatcher, ReadRequest, SAMPLES, STREAMED, frame, xor,
};

use super::answer::Problem;
use crate::answers::Held;
use crate::state::State;
use crate::stream::{Chunk, Sender, body};

/// Bytes of a request when it is decompressed.
const REQUEST: Limit = Limit::new("prometheus.read_request_bytes", 1 << 20);
/// Queries of one request.
const QUERIES: Limit = Limit::new("prometheus.read_queries", 64);
/// Conditions of one query.
const MATCHERS: Limit = Limit::new("prometheus.read_matchers", 256);
/// Bytes of an answer that is one message.
const MESSAGE: Limit = Limit::new("prometheus.read_message_bytes", 256 << 20);
/// Chunks of one series in one frame.
const CHUNKS: usize = 64;

/// `read`
pub async fn post(With(state): With<State>, sent: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let sent = sent.map_err(|error| Problem::bad(error.body_text()))?;
    let mut buffer = Vec::new();
    let sent = Encoding::Snappy.decode(&sent, REQUEST, &mut buffer).map_err(Problem::bad)?;
    let request = ReadRequest::read(sent).map_err(Problem::bad)?;
    let forms = request.forms().map_err(Problem::bad)?;
    if forms.is_empty() {
        let known = "SAMPLES and STREAMED_XOR_CHUNKS are";
        return Err(Problem::bad(format!("none of the accepted response types is known: {known}")));
    }
    let results = state.engine.read(reads(&request)?).await?;
    match form(&forms, &results)? {
        Form::Samples => {
            let panicked = || Err(Problem::internal("a panic while an answer was written, please report it"));
            base::blocking(move || whole(&results)).await.unwrap_or_else(panicked)
        }
        Form::Chunks => {
            let held = state.answers.hold(bytes(&results))?;
            let body = body("remote read answer", &state.tasks, state.patience(), |sender| pump(results, held, sender));
            Ok(([(CONTENT_TYPE, STREAMED)], body).into_response())
        }
    }
}

fn reads(request: &ReadRequest<'_>) -> Result<Vec<Read>, Problem> {
    let (mut reads, mut room) = (Vec::new(), Room::default());
    for query in request.queries.iter() {
        let query = query.map_err(Problem::bad)?;
        QUERIES.check(reads.len() as u64 + 1)?;
        let mut matchers = Vec::new();
        for given in query.matchers.iter() {
            MATCHERS.check(matchers.len() as u64 + 1)?;
            matchers.push(matcher(given.map_err(Problem::bad)?, &mut room)?);
        }
        reads.push(Read { matchers, start: query.start_timestamp_ms, end: query.end_timestamp_ms });
    }
    Ok(reads)
}

fn matcher(given: LabelMatcher<'_>, room: &mut Room) -> Result<Matcher, Problem> {
    let op = match given.kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regexp,
        3 => MatchOp::NotRegexp,
        other => return Err(Problem::bad(format!("matcher of the label {:?}: there is no type {other}", given.name))),
    };
    Matcher::within(given.name, op, given.value, room).map_err(Problem::bad)
}

/// The first form that is accepted and can hold the answer: chunks have numbers only.
fn form(accepted: &[Form], results: &[Vec<StoredSeries>]) -> Result<Form, Problem> {
    let has_histograms = results.iter().flatten().any(|series| !series.histograms.is_empty());
    let can = |form: &&Form| **form == Form::Samples || !has_histograms;
    let refused =
        || Problem::bad("the answer has native histograms, which are sent as SAMPLES only: accept these, too");
    accepted.iter().find(can).copied().ok_or_else(refused)
}

fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|label| (&*label.name, &*label.value))
}

/// All samples in one message.
fn whole(results: &[Vec<StoredSeries>]) -> Result<Response, Problem> {
    let mut answer = Answer::new(MESSAGE);
    for result in results {
        answer.result(|answer| {
            result.iter().try_for_each(|series| {
                let floats = series.floats.iter().map(|sample| (sample.t, sample.value));
                answer.series(pairs(&series.labels), floats, series.histograms.iter().map(histogram))
            })
        })?;
    }
    Ok(([(CONTENT_TYPE, SAMPLES), (CONTENT_ENCODING, "snappy")], answer.finish()?).into_response())
}

fn histogram(sample: &HistogramSample) -> FloatHistogram<'_> {
    let value = &*sample.value;
    FloatHistogram {
        time_ms: sample.t,
        count: value.count,
        sum: value.sum,
        schema: value.schema,
        zero_threshold: value.zero_threshold,
        zero_count: value.zero_count,
        positive: value.positive.iter().map(|bucket| (bucket.index, bucket.count)).collect(),
        negative: value.negative.iter().map(|bucket| (bucket.index, bucket.count)).collect(),
        custom_values: &value.custom_values,
        reset_hint: match value.reset_hint {
            ResetHint::Unknown => 0,
            ResetHint::Reset => 1,
            ResetHint::NotReset => 2,
            ResetHint::Gauge => 3,
        },
    }
}

/// What samples take until they are sent.
fn bytes(results: &[Vec<StoredSeries>]) -> u64 {
    let samples: usize = results.iter().flatten().map(|series| series.floats.len()).sum();
    samples.saturating_mul(size_of::<FloatSample>()) as u64
}

/// Frame by frame, at most one series in each.
async fn pump(results: Vec<Vec<StoredSeries>>, _held: Held, sender: Sender) {
    for (query, series) in (0..).zip(results).flat_map(|(n, result)| result.into_iter().map(move |series| (n, series)))
    {
        for part in series.floats.chunks(CHUNKS * xor::MOST) {
            let bytes = frame(query, pairs(&series.labels), &chunks(part));
            if sender.send(Chunk::Part(bytes)).await.is_err() {
                return;
            }
        }
    }
    let _ = sender.send(Chunk::Last(Vec::new())).await;
}

fn chunks(samples: &[FloatSample]) -> Vec<Samples> {
    let chunk = |samples: &[FloatSample]| {
        let pairs: Vec<(i64, f64)> = samples.iter().map(|sample| (sample.t, sample.value)).collect();
        let at = |sample: Option<&FloatSample>| sample.map_or(0, |sample| sample.t);
        Samples { min_time_ms: at(samples.first()), max_time_ms: at(samples.last()), data: xor::encode(&pairs) }
    };
    samples.chunks(xor::MOST).map(chunk).collect()
}
