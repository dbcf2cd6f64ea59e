{{- define "photoflux.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- define "photoflux.labels" -}}
app.kubernetes.io/name: photoflux
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Labels that select pods: (dict "root" . "part" "web") */}}
{{- define "photoflux.selector" -}}
app.kubernetes.io/name: photoflux
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "photoflux.tag" -}}
{{- required (printf "release.%s is the active colour and has no tag" .Values.release.active) (index .Values.release .Values.release.active) -}}
{{- end }}

{{/* The environment of every process. Secrets are files; their names are in *_FILE. */}}
{{- define "photoflux.env" -}}
{{- $name := include "photoflux.name" . -}}
- {name: ORIGIN, value: {{ .Values.origin | quote }}}
- {name: BEHIND_PROXY, value: "true"}
- {name: PROXIES, value: "1"}
- {name: HOST, value: "0.0.0.0"}
- {name: VAR, value: /var/photoflux}
- {name: HOME, value: /tmp}
{{- range .Values.secret.files }}
- {name: {{ upper . }}_FILE, value: /run/secrets/photoflux/{{ . }}}
{{- end }}
{{- range .Values.secret.env }}
- name: {{ upper . }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.secret.name }}, key: {{ . }}}}
{{- end }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: {{ include "photoflux.databaseSecret" . }}
- name: REDIS_URL
{{- if eq .Values.redis.mode "external" }}
  value: {{ required "redis.url is required with redis.mode external" .Values.redis.url | quote }}
{{- else if .Values.redis.tlsSecret }}
  value: rediss://{{ $name }}-redis:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/run/secrets/redis-ca/ca.crt
{{- else }}
  value: redis://{{ $name }}-redis:6379/0
{{- end }}
{{- if .Values.monitoring.enabled }}
{{- with .Values.monitoring.from }}
- {name: METRICS_FROM, value: {{ . | quote }}}
{{- else }}
{{- if not (has "metrics_token" .Values.secret.files) }}
{{- fail "monitoring.from is required, or metrics_token in secret.files: without either nobody may read /metrics" }}
{{- end }}
{{- end }}
{{- end }}
{{- range $key, $value := .Values.settings }}
- {name: {{ $key }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{- define "photoflux.databaseSecret" -}}
{{- if eq .Values.database.mode "cnpg" -}}
{name: {{ include "photoflux.name" . }}-database-app, key: uri}
{{- else if .Values.database.secret.name -}}
{name: {{ .Values.database.secret.name }}, key: {{ .Values.database.secret.key }}}
{{- else -}}
{name: {{ .Values.secret.name }}, key: database_url}
{{- end -}}
{{- end }}

{{- define "photoflux.readerSecret" -}}
{{- if .Values.database.reader.name -}}
{name: {{ .Values.database.reader.name }}, key: {{ .Values.database.reader.key }}, parameter: connection}
{{- else -}}
{{- $found := include "photoflux.databaseSecret" . | fromYaml -}}
{name: {{ $found.name }}, key: {{ $found.key }}, parameter: connection}
{{- end -}}
{{- end }}

{{- define "photoflux.mounts" -}}
- {name: secrets, mountPath: /run/secrets/photoflux, readOnly: true}
- {name: files, mountPath: /var/photoflux}
- {name: tmp, mountPath: /tmp}
{{- if and (eq .Values.redis.mode "internal") .Values.redis.tlsSecret }}
- {name: redis-ca, mountPath: /run/secrets/redis-ca, readOnly: true}
{{- end }}
{{- if .Values.storage.signer }}
- {name: signer, mountPath: /var/photoflux/keys/provenance, readOnly: true}
{{- end }}
{{- if .Values.storage.models }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- end }}

{{- define "photoflux.volumes" -}}
- name: secrets
  secret:
    secretName: {{ required "secret.name is required: a Secret with the keys" .Values.secret.name }}
    items:
{{- range .Values.secret.files }}
      - {key: {{ . }}, path: {{ . }}}
{{- end }}
- name: files
{{- if .Values.storage.claim }}
  persistentVolumeClaim: {claimName: {{ .Values.storage.claim }}}
{{- else if and .Values.storage.signer (hasKey .Values.settings "S3_BUCKET") }}
  emptyDir: {}
{{- else }}
{{- fail "storage.claim is required, or settings.S3_BUCKET and storage.signer: every pod needs the same files and the same key" }}
{{- end }}
{{- if .Values.storage.signer }}
- name: signer
  secret: {secretName: {{ .Values.storage.signer }}, defaultMode: 0440}
{{- end }}
- name: tmp
  emptyDir: {}
{{- if and (eq .Values.redis.mode "internal") .Values.redis.tlsSecret }}
- name: redis-ca
  secret:
    secretName: {{ .Values.redis.tlsSecret }}
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- if .Values.storage.models }}
- name: models
  persistentVolumeClaim: {claimName: {{ .Values.storage.models }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "photoflux.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "photoflux.pod" -}}
serviceAccountName: {{ include "photoflux.name" . }}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{ range . }}  - {name: {{ . }}}
{{ end }}
{{- end }}
{{- end }}

{{/* Waits until the tables are those of this image: (dict "root" . "image" "...") */}}
{{- define "photoflux.waits" -}}
- name: migrated
  image: {{ .image }}
  command: [sh, -c, "until python manage.py migrate --check > /dev/null; do sleep 5; done"]
  env: {{- include "photoflux.env" .root | nindent 4 }}
  volumeMounts: {{- include "photoflux.mounts" .root | nindent 4 }}
  resources: {requests: {cpu: 50m, memory: 256Mi}, limits: {memory: 512Mi}}
  {{- include "photoflux.container" .root | nindent 2 }}
{{- end }}
