// The <script> build: what a page loads this way finds as globals.
import * as Doorbell from "./index.js";

const { ZIM, ZPNs } = Doorbell;
Object.assign(globalThis, { Doorbell, ZIM, ZPNs });
