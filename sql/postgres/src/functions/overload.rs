//! Functions as PostgreSQL lists them in `pg_proc`: a name, the types of the arguments, the type of the result, and what computes it.
//!
//! Owns: the form of a listed function, its resolution by types, and going through rows. Does not own: the functions; each chapter of
//! PostgreSQL's manual has a room beside this one, and a table `FUNCTIONS` in it.
//! Invariant: a call gets arguments of exactly the listed types, because `typing::arguments` has cast them. Start at [`Overload`].

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBuilder, PrimitiveArray, PrimitiveBuilder,
    StringArray, StringBuilder,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::candidates::{Candidate, meant};
use super::row_wise;
use super::text_budget::Budget;
use crate::types::{Kind, carried};

/// One way to call a function.
#[derive(Debug)]
pub(crate) struct Overload {
    pub(crate) name: &'static str,
    /// Types of the arguments, in order.
    pub(crate) takes: &'static [Kind],
    /// The type of all further arguments, where any number may follow.
    pub(crate) rest: Option<Kind>,
    pub(crate) gives: Gives,
    pub(crate) volatility: Volatility,
    /// Whether a NULL among the arguments makes the result NULL, as PostgreSQL's STRICT.
    strict: bool,
    compute: fn(&Call) -> Result<ArrayRef>,
}

/// The type of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gives {
    One(Kind),
    /// Found from the types of the arguments: arrays, numerics with their scale.
    Of(fn(&[DataType]) -> DataType),
}

impl Overload {
    /// An immutable, strict function.
    pub(crate) const fn new(
        name: &'static str,
        takes: &'static [Kind],
        gives: Kind,
        compute: fn(&Call) -> Result<ArrayRef>,
    ) -> Self {
        Self {
            name,
            takes,
            rest: None,
            gives: Gives::One(gives),
            volatility: Volatility::Immutable,
            strict: true,
            compute,
        }
    }

    /// Its result is of a type that depends on those of the arguments.
    pub(crate) const fn giving(mut self, gives: fn(&[DataType]) -> DataType) -> Self {
        self.gives = Gives::Of(gives);
        self
    }

    /// Any number of arguments of this type may follow.
    pub(crate) const fn and_more(mut self, rest: Kind) -> Self {
        self.rest = Some(rest);
        self
    }

    /// It is computed for NULLs too.
    pub(crate) const fn of_nulls(mut self) -> Self {
        self.strict = false;
        self
    }

    /// Its result may change from statement to statement, for example with the session's time zone.
    pub(crate) const fn stable(mut self) -> Self {
        self.volatility = Volatility::Stable;
        self
    }

    /// Its result may change from row to row.
    pub(crate) const fn volatile(mut self) -> Self {
        self.volatility = Volatility::Volatile;
        self
    }

    fn result(&self, types: &[DataType]) -> DataType {
        match self.gives {
            Gives::One(kind) => kind.arrow(),
            Gives::Of(of) => of(types),
        }
    }

    /// Whether arguments of these types, already cast, are this way of calling the function.
    fn is_called_with(&self, types: &[DataType]) -> bool {
        let listed = self.takes.iter().copied().map(Some);
        let wanted = listed.chain(std::iter::repeat(self.rest));
        let fits = wanted.zip(types).all(|(wanted, ty)| match wanted {
            Some(Kind::Any) => true,
            Some(wanted) => wanted == Kind::of(ty),
            None => false,
        });
        fits && types.len() >= self.takes.len()
    }
}

/// The arguments of one call, over a batch of rows.
pub(crate) struct Call<'a> {
    name: &'static str,
    arrays: &'a [ArrayRef],
    rows: usize,
    /// Rows in which a strict function is NULL.
    nulls: Option<NullBuffer>,
    /// The session's settings, the time zone among them.
    pub(crate) config: &'a ConfigOptions,
    result: &'a DataType,
    is_constant: bool,
}

impl Call<'_> {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The name of the function.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// How many arguments there are.
    pub(crate) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// The type of the result.
    pub(crate) fn result(&self) -> &DataType {
        self.result
    }

    /// The argument at `at`.
    pub(crate) fn array(&self, at: usize) -> Result<&ArrayRef> {
        row_wise::argument(self.arrays, at)
    }

    pub(crate) fn texts(&self, at: usize) -> Result<StringArray> {
        row_wise::texts(self.array(at)?)
    }

    pub(crate) fn values<T: ArrowPrimitiveType>(&self, at: usize) -> Result<&PrimitiveArray<T>> {
        row_wise::primitives::<T>(self.array(at)?)
    }

    pub(crate) fn booleans(&self, at: usize) -> Result<&BooleanArray> {
        let array = self.array(at)?.as_any().downcast_ref::<BooleanArray>();
        array.ok_or_else(|| DataFusionError::Internal(format!("argument {at} is no boolean")))
    }

    /// Whether the result of a strict function is NULL in this row.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// A value for each row in which no argument is NULL.
    pub(crate) fn primitives_of<T: ArrowPrimitiveType>(
        &self,
        mut compute: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let mut out = PrimitiveBuilder::<T>::with_capacity(self.rows);
        for row in 0..self.rows {
            let value = if self.is_null(row) { None } else { compute(row)? };
            out.append_option(value);
        }
        Ok(Arc::new(out.finish().with_data_type(self.result.clone())))
    }

    /// True or false for each row in which no argument is NULL.
    pub(crate) fn booleans_of(
        &self,
        mut compute: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let mut out = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            let value = if self.is_null(row) { None } else { compute(row)? };
            out.append_option(value);
        }
        Ok(Arc::new(out.finish()))
    }

    /// Text for each row in which no argument is NULL: `write` appends it, and says whether there is one.
    ///
    /// # Errors
    /// 54000 when the texts grow beyond what a batch may have.
    pub(crate) fn texts_of(
        &self,
        mut write: impl FnMut(usize, &mut String) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut budget = Budget::new(self.is_constant);
        let mut out = StringBuilder::with_capacity(self.rows, self.rows * 8);
        let mut text = String::new();
        for row in 0..self.rows {
            text.clear();
            if self.is_null(row) || !write(row, &mut text)? {
                out.append_null();
                continue;
            }
            budget.take(text.len())?;
            out.append_value(&text);
        }
        carried(self.result, Arc::new(out.finish()))
    }
}

/// A listed function, with all the ways to call it.
#[derive(Debug)]
pub(crate) struct Listed {
    name: &'static str,
    overloads: Vec<&'static Overload>,
    signature: Signature,
}

impl Listed {
    /// The functions of a table, each with all its rows.
    pub(crate) fn all(table: impl Iterator<Item = &'static Overload>) -> Vec<ScalarUDF> {
        let mut functions: Vec<Self> = Vec::new();
        for overload in table {
            match functions.iter_mut().find(|known| known.name == overload.name) {
                Some(known) => known.overloads.push(overload),
                None => functions.push(Self::called(overload)),
            }
        }
        for function in &mut functions {
            function.signature = signature(&function.overloads);
        }
        functions.into_iter().map(ScalarUDF::from).collect()
    }

    /// A function that no statement can call by its name.
    pub(crate) fn one(overload: &'static Overload) -> ScalarUDF {
        ScalarUDF::from(Self::called(overload))
    }

    fn called(overload: &'static Overload) -> Self {
        Self {
            name: overload.name,
            overloads: vec![overload],
            signature: signature(&[overload]),
        }
    }

    /// The ways to call it.
    pub(crate) fn overloads(&self) -> &[&'static Overload] {
        &self.overloads
    }

    fn called_with(&self, types: &[DataType]) -> Result<&'static Overload> {
        let found = self.overloads.iter().find(|listed| listed.is_called_with(types));
        found.copied().ok_or_else(|| {
            DataFusionError::Internal(format!("{} is not listed for these types: {types:?}", self.name))
        })
    }

    /// The way that is meant while the arguments have not been cast yet; a text may be a literal that has no type.
    fn probably_called_with(&self, types: &[DataType]) -> Option<&'static Overload> {
        let kinds = |of_text: Kind| -> Vec<Kind> {
            let kinds = types.iter().map(Kind::of);
            kinds
                .map(|kind| if kind == Kind::Text { of_text } else { kind })
                .collect()
        };
        let of_kinds = |given: Vec<Kind>| {
            let candidates: Vec<Candidate> = self.overloads.iter().map(Candidate::from).collect();
            let first = *meant(&candidates, &given).first()?;
            self.overloads.iter().find(|listed| first.is_of(listed)).copied()
        };
        let of_length = |listed: &&&Overload| listed.takes.len() == types.len();
        let found = of_kinds(kinds(Kind::Text)).or_else(|| of_kinds(kinds(Kind::Unknown)));
        let found = found.or_else(|| self.overloads.iter().find(of_length).copied());
        found.or_else(|| self.overloads.first().copied())
    }
}

/// Any arguments, or none where a way of calling it takes none; as volatile as the most volatile of them.
fn signature(overloads: &[&'static Overload]) -> Signature {
    let has = |volatility: Volatility| overloads.iter().any(|listed| listed.volatility == volatility);
    let volatility = if has(Volatility::Volatile) {
        Volatility::Volatile
    } else if has(Volatility::Stable) {
        Volatility::Stable
    } else {
        Volatility::Immutable
    };
    if overloads.iter().any(|listed| listed.takes.is_empty()) {
        return Signature::one_of(
            vec![TypeSignature::Nullary, TypeSignature::VariadicAny],
            volatility,
        );
    }
    Signature::variadic_any(volatility)
}

// Its name says which function it is: there is one table.
impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Listed {}

impl std::hash::Hash for Listed {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Listed {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let exact = self.overloads.iter().find(|listed| listed.is_called_with(types));
        match exact.copied().or_else(|| self.probably_called_with(types)) {
            Some(overload) => Ok(overload.result(types)),
            None => self.called_with(types).map(|overload| overload.result(types)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<DataType> = args.args.iter().map(ColumnarValue::data_type).collect();
        let overload = self.called_with(&types)?;
        let has_constants_only = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let is_constant = has_constants_only && overload.volatility != Volatility::Volatile;
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let nulls = arrays.iter().fold(None, |nulls, array| {
            NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref())
        });
        let call = Call {
            name: self.name,
            arrays: &arrays,
            rows,
            nulls: nulls.filter(|_| overload.strict),
            config: &args.config_options,
            result: args.return_field.data_type(),
            is_constant,
        };
        let result = (overload.compute)(&call)?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
