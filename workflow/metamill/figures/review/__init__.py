"""The review as a whole: flow of records, risk of bias, outcomes and follow-up."""
