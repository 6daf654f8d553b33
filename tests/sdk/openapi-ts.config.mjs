export default {
  input: "openapi.json",
  output: "generated/hey_api",
  plugins: ["@hey-api/typescript", "@hey-api/client-fetch", "@hey-api/sdk"],
};
