// The public status page: times become local. It holds nothing live and asks for nothing.
import { localise } from "../js/time.js";

localise(document);
