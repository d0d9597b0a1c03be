//! An answer on its way to a client.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use causeway_core::QueryContext;
use causeway_sql::{Answer, Error, Zone};
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::errors::sqlstate;
use super::rows::{Encoder, Formats};

/// An answer whose rows are being sent.
pub(super) struct Running {
    rows: BoxStream<'static, Result<RecordBatch, Error>>,
    pub(super) encoder: Encoder,
    pub(super) context: Arc<QueryContext>,
    pub(super) tag: String,
    /// Columns that the client was told about, where the answer has others.
    promised: Option<SchemaRef>,
    /// Rows of a batch that did not fit under the client's limit.
    pub(super) rest: Option<RecordBatch>,
    pub(super) sent: u64,
}

impl Running {
    /// Starts to read an answer; `promised` are the columns that the client was told when it prepared the statement.
    pub(super) async fn start(
        answer: Answer,
        formats: &Formats,
        promised: Option<&SchemaRef>,
        zone: Zone,
    ) -> Result<Self, Error> {
        let schema = answer.schema().unwrap_or_else(|| Arc::new(Schema::empty()));
        let promised = promised.filter(|promised| !has_same_types(promised, &schema));
        if promised.is_some_and(|promised| promised.fields().len() != schema.fields().len()) {
            let message = "cached plan must not change result type";
            return Err(Error::new(causeway_sql::sqlstate::NOT_SUPPORTED, message));
        }
        let (context, tag) = (Arc::clone(answer.context()), answer.tag().to_owned());
        Ok(Self {
            encoder: Encoder::try_new(promised.unwrap_or(&schema), formats)?.in_zone(zone),
            rows: answer.stream().await?,
            context,
            tag,
            promised: promised.map(Arc::clone),
            rest: None,
            sent: 0,
        })
    }

    /// The next rows, with the columns that were promised.
    pub(super) async fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        if let Some(rest) = self.rest.take() {
            return Some(Ok(rest));
        }
        let batch = self.rows.next().await?;
        Some(match &self.promised {
            None => batch,
            Some(promised) => batch.and_then(|batch| fit(&batch, promised)),
        })
    }
}

fn has_same_types(left: &SchemaRef, right: &SchemaRef) -> bool {
    let types = |schema: &SchemaRef| -> Vec<_> {
        schema
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect()
    };
    types(left) == types(right)
}

fn fit(batch: &RecordBatch, promised: &SchemaRef) -> Result<RecordBatch, Error> {
    let column = |(array, field): (&ArrayRef, &FieldRef)| arrow::compute::cast(array, field.data_type());
    let columns = batch
        .columns()
        .iter()
        .zip(promised.fields())
        .map(column)
        .collect::<Result<Vec<_>, _>>();
    columns
        .and_then(|columns| RecordBatch::try_new(Arc::clone(promised), columns))
        .map_err(|error| Error::new(sqlstate::BAD_TEXT, error.to_string()))
}
