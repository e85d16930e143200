"""公开表单: pages without sign-in whose answers become leads."""
