-- Open tasks, incidents and cases of every source: one queue over all of them.
-- A schema stands for every source of that kind, and the text of its name for the name of that source.
-- Each SELECT of a UNION ALL is there for those who have its tables. The assignee is the
-- name of a person whom the reader may see; a queue has none.
SELECT 'salesforce' AS source, w.kind, w.id, w.number, w.title, w.state, w.priority, u.name AS assignee, w.assignee_id,
       w.opened, w.updated, w.due, w.record_url
FROM  (SELECT 'task' AS kind, id, NULL::text AS number, subject AS title, status AS state, priority, ownerid AS assignee_id,
              createddate AS opened, lastmodifieddate AS updated, activitydate::timestamptz AS due, record_url
       FROM   salesforce.task
       WHERE  NOT isclosed
       UNION ALL
       SELECT 'case' AS kind, id, casenumber AS number, subject AS title, status AS state, priority, ownerid AS assignee_id,
              createddate AS opened, lastmodifieddate AS updated, NULL::timestamptz AS due, record_url
       FROM   salesforce."case"
       WHERE  NOT isclosed) w
LEFT   JOIN salesforce.user u ON u.id = w.assignee_id
UNION ALL
SELECT 'servicenow' AS source, w.kind, w.id, w.number, w.title, w.state, w.priority, u.name AS assignee, w.assignee_id,
       w.opened, w.updated, w.due, w.record_url
FROM  (SELECT 'task' AS kind, sys_id AS id, number, short_description AS title, dv_state AS state, dv_priority AS priority,
              assigned_to AS assignee_id, opened_at AS opened, sys_updated_on AS updated, due_date AS due, record_url
       FROM   servicenow.task
       WHERE  active AND sys_class_name = 'task'
       UNION ALL
       SELECT 'incident' AS kind, sys_id AS id, number, short_description AS title, dv_state AS state, dv_priority AS priority,
              assigned_to AS assignee_id, opened_at AS opened, sys_updated_on AS updated, due_date AS due, record_url
       FROM   servicenow.incident
       WHERE  active
       UNION ALL
       SELECT 'case' AS kind, sys_id AS id, number, short_description AS title, dv_state AS state, dv_priority AS priority,
              assigned_to AS assignee_id, opened_at AS opened, sys_updated_on AS updated, due_date AS due, record_url
       FROM   servicenow.sn_customerservice_case
       WHERE  active) w
LEFT   JOIN servicenow.sys_user u ON u.sys_id = w.assignee_id
