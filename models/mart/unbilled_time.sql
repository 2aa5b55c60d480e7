/* One row a project and currency: approved billable hours that no invoice bills yet, and what they are worth. */
MODEL (
  name mart.unbilled_time,
  kind VIEW,
  grain (project_id, currency)
);

@unbilled_time()
