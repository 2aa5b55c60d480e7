/* One row a customer, currency and time overdue: what is open on posted invoices, as of the newest snapshot. */
MODEL (
  name mart.receivable,
  kind VIEW,
  grain (customer_id, currency, due)
);

@receivables()
