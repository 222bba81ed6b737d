// The events list. Each concern has a module of its own; this one only starts them.
import { watchColumns } from "./columns.js";
import { watchCopying } from "./copying.js";
import { watchDownloads } from "./downloading.js";
import { watchFilters } from "./filters.js";
import { watchPanel } from "./panel.js";
import { watchRows } from "./rows.js";

watchRows();
watchPanel();
watchCopying();
watchFilters();
watchColumns();
watchDownloads();
