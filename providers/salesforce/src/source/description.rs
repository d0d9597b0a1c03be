//! Objects as the org describes them, singly and by the batch.
//!
//! Owns: from a describe call to a table. Does not own: what is kept and for how long; see [`Views`](crate::metadata::cache::Views).
//! Invariant: an object that can't be queried is no table. Start at [`Salesforce::describe`].

use causeway_core::{Error, Kind, QueryContext, Table};

use super::Salesforce;
use crate::metadata::cache::{Answer, View};
use crate::metadata::describe::ObjectDescribe;

impl Salesforce {
    /// Describes one object, for one identity.
    pub(super) async fn describe(
        &self,
        context: &QueryContext,
        name: &str,
        since: Option<String>,
    ) -> Result<Answer<Table>, Error> {
        let path = format!("sobjects/{name}/describe");
        let answer = self
            .client
            .describe::<ObjectDescribe>(context, &path, format!("describe {name}"), since)
            .await?;
        Ok(match answer {
            Answer::Unchanged => Answer::Unchanged,
            Answer::Changed(object, last_modified) => {
                let table = self.table_of(object).ok_or_else(|| {
                    Error::new(
                        &self.name,
                        Kind::UnknownTable,
                        format!("object '{name}' can't be queried"),
                    )
                })?;
                Answer::Changed(table, last_modified)
            }
        })
    }

    fn table_of(&self, object: ObjectDescribe) -> Option<Table> {
        if !object.queryable {
            return None;
        }
        object.into_table(&self.name, &self.origin)
    }

    pub(super) async fn describe_chunk(
        &self,
        context: &QueryContext,
        view: &View,
        objects: &[String],
    ) -> Result<(), Error> {
        for object in self
            .client
            .describe_batch::<ObjectDescribe>(context, objects)
            .await?
        {
            if let Some(table) = self.table_of(object) {
                view.table(&table.name.name.clone()).put(table, None);
            }
        }
        Ok(())
    }
}
