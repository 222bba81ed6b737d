// The events list. Each concern has a module of its own; this one only starts them.
import { watchBar } from "./bar.js";
import { watchColumns } from "./columns.js";
import { watchCopying } from "./copying.js";
import { watchDownloads } from "./downloading.js";
import { watchFacets } from "./facets.js";
import { watchFilters } from "./filters.js";
import { watchHistogram } from "./histogram.js";
import { watchPanel } from "./panel.js";
import { watchRows } from "./rows.js";
import { watchScan } from "./scanning.js";
import { watchTail } from "./tail.js";

watchBar();
watchRows();
watchPanel();
watchCopying();
watchFilters();
watchColumns();
watchDownloads();
watchFacets();
watchScan();
watchTail();
watchHistogram();
