-- Open tasks, incidents and cases of every source: one queue over all of them.
-- A schema stands for every source of that kind, and the text of its name for the name of that source.
-- Each SELECT is there for those who have its tables; assignee is NULL while a record belongs to a queue.
SELECT 'salesforce' AS source, 'task' AS kind, t.id, NULL::text AS number, t.subject AS title, t.status AS state, t.priority,
       u.name AS assignee, t.ownerid AS assignee_id, t.createddate AS opened, t.lastmodifieddate AS updated,
       t.activitydate::timestamptz AS due, t.record_url
FROM   salesforce.task t
LEFT   JOIN salesforce.user u ON u.id = t.ownerid
WHERE  NOT t.isclosed
UNION ALL
SELECT 'salesforce', 'case', c.id, c.casenumber, c.subject, c.status, c.priority,
       u.name, c.ownerid, c.createddate, c.lastmodifieddate, NULL::timestamptz, c.record_url
FROM   salesforce."case" c
LEFT   JOIN salesforce.user u ON u.id = c.ownerid
WHERE  NOT c.isclosed
UNION ALL
SELECT 'servicenow', 'task', t.sys_id, t.number, t.short_description, t.dv_state, t.dv_priority,
       t.dv_assigned_to, t.assigned_to, t.opened_at, t.sys_updated_on, t.due_date, t.record_url
FROM   servicenow.task t
WHERE  t.active AND t.sys_class_name = 'task'
UNION ALL
SELECT 'servicenow', 'incident', i.sys_id, i.number, i.short_description, i.dv_state, i.dv_priority,
       i.dv_assigned_to, i.assigned_to, i.opened_at, i.sys_updated_on, i.due_date, i.record_url
FROM   servicenow.incident i
WHERE  i.active
UNION ALL
SELECT 'servicenow', 'case', k.sys_id, k.number, k.short_description, k.dv_state, k.dv_priority,
       k.dv_assigned_to, k.assigned_to, k.opened_at, k.sys_updated_on, k.due_date, k.record_url
FROM   servicenow.sn_customerservice_case k
WHERE  k.active
